/** The web server: opens the jobs, listens, and ends without losing anything. */
import { chmod } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import type { Engine } from "../../../colorization/engine.js";
import type { EngineOptions } from "../../../colorization/engine-options.js";
import type { ImagePool } from "../../../core/batch-engine.js";
import { ConfigurationError, messageOf, ResourceError, systemCode } from "../../../errors.js";
import { outputError } from "../../../io/files/file-errors.js";
import { getLogger } from "../../../logging.js";
import { makeFolders } from "../../../platform/folders.js";
import { packagePath } from "../../../platform/package-files.js";
import type { Jobs, JobStoreOptions } from "../jobs/types.js";
import { createApp } from "./app.js";
import type { App } from "./app-type.js";
import type { Backend } from "./backend.js";
import { DiskSpace } from "./disk-space.js";
import { EventStreams } from "./event-streams.js";
import { LazyEngine } from "./lazy-engine.js";
import { LazyPool } from "./lazy-pool.js";
import { DEFAULT_LIMITS, type ServerLimits } from "./limits.js";
import { LayeredPages } from "./layered-page.js";
import { LineArt } from "./line-art.js";
import { Redactor } from "./redactor.js";
import { SlowBodies } from "./slow-bodies.js";
import { Thumbnails } from "./thumbnails.js";
import { TokenCheck } from "./token.js";
import { Uploads } from "./uploads.js";
import { API } from "./app.js";

const log = getLogger("server");

/** How a server is started. */
export interface WebServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Undefined: everyone who reaches the server may use it. */
  readonly token?: string | undefined;
  /** Names that the server answers to, beside IP addresses and the machine's own name. */
  readonly hostNames?: readonly string[];
  /** Folder of jobs, uploads and thumbnails. */
  readonly data: string;
  /** Folders on this machine that jobs may read, by name; real paths. */
  readonly roots?: ReadonlyMap<string, string>;
  /** Of the engine of this process. */
  readonly engine?: EngineOptions;
  /** Told of the engine once it is open. */
  readonly onEngine?: (engine: Engine) => void;
  /** Opens what colours the pages. Default: the engine of this process. */
  readonly openBackend?: (pool: ImagePool) => Promise<Backend>;
  readonly limits?: Partial<ServerLimits>;
  /** Opens the jobs. */
  readonly openJobs: (options: JobStoreOptions) => Promise<Jobs>;
  /** Folder of the built page. */
  readonly page?: string;
}

/** A server that listens. */
export interface WebServer {
  readonly host: string;
  readonly port: number;
  /**
   * Takes no more requests, ends streams and uploads (they can be resumed), finishes the pages in progress, and frees
   * everything.
   */
  close(): Promise<void>;
}

/**
 * Starts a server.
 * @throws ResourceError `ERR_LISTEN` for an address or port that cannot be had; ModelError `ERR_MODEL_*`;
 * ConfigurationError `ERR_CONFIG` for a data folder that cannot be made; errors of the data folder
 */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { host, port, token, data, roots = new Map<string, string>(), hostNames = [] } = options;
  const limits: ServerLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const pool = new LazyPool();
  const uploadFolder = join(data, "uploads");
  await makeDataFolder(uploadFolder);
  const backend = (await options.openBackend?.(pool)) ?? new LazyEngine(options.engine ?? {}, options.onEngine);
  let jobs: Jobs;
  try {
    await backend.model(); // a model that is not there is told at once, and not with the first page
    jobs = await options.openJobs({ data, colorizer: backend.jobs, pool, roots });
  } catch (error) {
    await backend.close();
    throw error;
  }
  const model = backend.namedDirectory;
  const redactor = new Redactor(
    new Map([
      ...(model === undefined ? [] : [[model, "the model"] as const]),
      ...[...roots].map(([name, folder]) => [folder, name] as const),
    ]),
    data,
  );
  const events = new EventStreams(limits, (event) => redactor.redact(JSON.stringify(event)));
  const stopTelling = jobs.events((event) => events.tell(event));
  const stopTellingOfFarm = backend.farm?.events((event) => events.tell(event));
  const space = new DiskSpace(data, limits.freeBytes);
  const uploads = new Uploads({ jobs, folder: uploadFolder, space, path: `${API}/uploads`, limits });
  const slowBodies = new SlowBodies(limits);
  const app = createApp(
    {
      jobs,
      backend,
      events,
      uploads,
      space,
      thumbnails: new Thumbnails({
        folder: join(data, "thumbnails"),
        pool,
        maxBytes: limits.thumbnailBytes,
        mostWaiting: limits.thumbnailsWaiting,
      }),
      lineArt: new LineArt(backend),
      layeredPages: new LayeredPages(jobs, backend),
      redactor,
      limits,
      uploadFolder,
      page: options.page ?? packagePath("dist/ui/web/page"),
    },
    {
      hostNames: [host, ...hostNames],
      token: token === undefined ? undefined : new TokenCheck(token, limits.wrongTokens),
      slowBodies,
    },
  );
  const end = async (): Promise<void> => {
    stopTelling();
    stopTellingOfFarm?.();
    uploads.close();
    slowBodies.close();
    events.close();
    const jobsClosed = jobs.close();
    await Promise.all([closeApp(app), jobsClosed]);
    await Promise.all([pool.close(), backend.close()]);
  };
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await end().catch((error: unknown) => log.error({ error: messageOf(error) }, "closing failed"));
    throw listenError(host, port, cause);
  }
  const { port: bound } = app.server.address() as AddressInfo;
  log.info({ address: host, port: bound, data, token: token !== undefined }, "server listens");
  let closing: Promise<void> | undefined;
  return { host, port: bound, close: () => (closing ??= end()) };
}

/** System errors of a path that is wrong, and not of a disk that is full or gone for now. */
const WRONG_PATH: ReadonlySet<string | undefined> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EEXIST",
  "EISDIR",
  "ENAMETOOLONG",
  "ELOOP",
  "EINVAL",
]);

async function makeDataFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
  } catch (cause) {
    if (!WRONG_PATH.has(systemCode(cause))) throw outputError(folder, cause);
    throw new ConfigurationError(
      "ERR_CONFIG",
      `--data: no folder can be made at ${dirname(folder)} (${systemCode(cause)})`,
      { cause, remedy: "name a folder that exists or can be made" },
    );
  }
  await chmod(folder, 0o700).catch((cause: unknown) => Promise.reject(outputError(folder, cause)));
}

/** How long requests that are being answered may take once the server ends. */
const GRACE_MS = 5000;

async function closeApp(app: App): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), GRACE_MS);
  await app.close().finally(() => clearTimeout(timer));
}

function listenError(host: string, port: number, cause: unknown): ResourceError {
  const failed = (why: string, remedy?: string): ResourceError =>
    new ResourceError("ERR_LISTEN", why, { cause, remedy });
  switch (systemCode(cause)) {
    case "EADDRINUSE":
      return failed(
        `port ${port} on ${host} is in use, perhaps by another server of cobra-batch`,
        "choose another --port, or --port 0 for any that is free",
      );
    case "EACCES":
      return failed(`port ${port} may not be used by this user`, "choose a --port above 1023");
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return failed(
        `${host} is not an address of this machine`,
        "choose another --host, such as 127.0.0.1, or 0.0.0.0 for all",
      );
    default:
      return failed(`cannot listen on ${host}, port ${port}: ${messageOf(cause)}`);
  }
}
