/**
 * Gets the original files of a model: those that are on this machine are used where they lie, the others are fetched,
 * several at once.
 */
import { ResourceError } from "../../errors.js";
import { eachConcurrent } from "../../io/files/each-concurrent.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { freeBytes, noSpaceError } from "../../platform/storage.js";
import { bytesText } from "../../text/bytes-text.js";
import type { CatalogueModel, CatalogueSource } from "../catalogue/catalogue-schema.js";
import type { Connection } from "../fetch/connection.js";
import { downloadFile } from "../fetch/download-file.js";
import { Meter, type FetchProgress } from "../fetch/meter.js";
import { askFor, remoteOf, UNKNOWN, type Remote, type RemoteFile } from "../fetch/remote.js";
import { connectionRetry, type Retry, type RetryOptions } from "../fetch/retry.js";
import { findInCopy, incomplete } from "./brought-copy.js";
import { findInHubCache, hubCacheFolder } from "./hub-cache.js";
import type { OnCheck, OriginalFile, WantedFile } from "./original-file.js";
import type { OriginalStore } from "./store.js";

export interface GetOriginalsOptions {
  readonly sources: CatalogueModel["sources"];
  readonly files: readonly WantedFile[];
  readonly store: OriginalStore;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Nothing is fetched. `HF_HUB_OFFLINE=1` does the same. */
  readonly offline: boolean;
  /** A folder with a copy, in place of everything else. */
  readonly from: string | undefined;
  /** Room that is needed besides, for the package. */
  readonly packageBytes: number;
  readonly connect: () => Connection;
  readonly retry: Pick<RetryOptions, "wait">;
  /** Hears of a try that is made again. */
  readonly onRetry: (message: string, waitMs: number) => void;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: FetchProgress) => void;
  /** Hears of a file that is used where it lies. */
  readonly onFound: (file: OriginalFile) => void;
  /** Hears of a file that is on this machine, before it is checked. */
  readonly onCheck: OnCheck;
  /** For tests: another address of GitHub. */
  readonly github?: string | undefined;
}

/** Files that are asked for and fetched at once. */
const AT_ONCE = 4;

/** A file that is not on this machine. */
interface Missing {
  readonly file: WantedFile;
  readonly source: CatalogueSource;
  readonly remote: Remote;
  readonly revision: string;
}

/**
 * All files, in the catalogue's order.
 * @throws ModelError `ERR_MODEL_NOT_FOUND` for files that are missing and may not be fetched, `ERR_MODEL_SOURCE`;
 * ResourceError `ERR_MODEL_FETCH`, `ERR_OUTPUT_WRITE`; the signal's reason
 */
export async function getOriginals(given: GetOriginalsOptions): Promise<OriginalFile[]> {
  const offline = isOffline(given);
  const options = { ...given, offline };
  const { sources, files, from, onFound } = options;
  if (from !== undefined) return findInCopy(from, sources, files, onFound, options.onCheck);
  const revisions = new Map<string, string>();
  for (const { source, path } of files)
    if (!revisions.has(source)) revisions.set(source, await revisionOf(options, source, path));
  const found = new Map<WantedFile, OriginalFile>();
  const missing: Missing[] = [];
  for (const file of files) {
    options.signal?.throwIfAborted();
    const source = sources[file.source]!;
    const revision = revisions.get(file.source)!;
    const here =
      (await options.store.find(source, revision, file, options.onCheck)) ??
      (await findInHubCache(hubCacheFolder(options.env), source, revision, file, options.onCheck));
    if (here === undefined)
      missing.push({ file, source, revision, remote: remoteOf(source, options.env, options.github) });
    else {
      found.set(file, here);
      onFound(here);
    }
  }
  if (missing.length > 0 && offline)
    throw incomplete(
      "and nothing is fetched (--offline)",
      missing.map(({ file, remote, revision }) => remote.address(file.path, revision).href),
      () => "name their folder here with --from DIR, or run the command without --offline and HF_HUB_OFFLINE",
    );
  if (missing.length > 0) await fetchAll(options, missing, found);
  return files.map((file) => found.get(file)!);
}

/** Whether nothing may be fetched: by the option, or by the variable of the hub's tools. */
export function isOffline({
  offline,
  env,
}: Pick<GetOriginalsOptions, "env"> & { offline?: boolean | undefined }): boolean {
  return offline === true || /^(?:1|true|on|yes)$/iu.test(env["HF_HUB_OFFLINE"] ?? "");
}

/** The commit of a source where that can be known, so that all its files are of one. */
async function revisionOf(options: GetOriginalsOptions, id: string, path: string): Promise<string> {
  const source = options.sources[id]!;
  if ("url" in source) return "files";
  const { revision } = source;
  if (/^[0-9a-f]{40}$/u.test(revision) || !("hub" in source)) return revision;
  if (options.offline) return (await options.store.lastCommit(source, revision)) ?? revision;
  const remote = remoteOf(source, options.env, options.github);
  const file = { path, bytes: UNKNOWN, sha256: UNKNOWN } as const;
  const { commit } = await retryFor(
    path,
    options,
    options.signal,
  )(() => askFor(options.connect(), remote, file, revision, options.signal));
  if (commit === undefined) return revision;
  await options.store.noteCommit(source, revision, commit);
  return commit;
}

async function fetchAll(
  options: GetOriginalsOptions,
  missing: readonly Missing[],
  found: Map<WantedFile, OriginalFile>,
): Promise<void> {
  const { store, connect, onProgress } = options;
  const connection = connect();
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  /** After one file has failed the others end too: what has come of them is kept. */
  const orStop = async (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      stop.abort(error);
      throw error;
    });

  const told = new Map<Missing, RemoteFile>();
  const ask = (one: Missing): Promise<void> =>
    orStop(
      retryFor(
        one.file.path,
        options,
        signal,
      )(async () => {
        told.set(one, await askFor(connection, one.remote, one.file, one.revision, signal));
      }),
    );
  await ask(missing[0]!); // alone, so that a server that cannot be reached is told of once
  await eachConcurrent(missing.slice(1), AT_ONCE, ask);
  const sizes = missing.map((one) => told.get(one)!.bytes);
  await checkRoom(options, missing, sizes);
  const meter = new Meter({
    totalBytes: sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, bytes) => sum + bytes!, 0),
    totalFiles: missing.length,
    doneBytes: 0,
  });
  const report = (): void => onProgress(meter.progress());
  report();
  const largestFirst = missing.toSorted((a, b) => (told.get(b)!.bytes ?? 0) - (told.get(a)!.bytes ?? 0));
  await eachConcurrent(largestFirst, AT_ONCE, (one) =>
    orStop(
      (async () => {
        const { file, source, remote, revision } = one;
        const target = store.pathOf(source, revision, file.path);
        const record = await downloadFile({
          connection,
          remote,
          file: told.get(one)!,
          sha256: file.sha256,
          target,
          retry: retryFor(file.path, options, signal),
          signal,
          onBytes: (bytes) => {
            meter.add(bytes);
            report();
          },
          onFound: (bytes) => meter.found(bytes),
        });
        meter.fileDone();
        report();
        found.set(file, { file, path: target, ...record, revision });
      })(),
    ),
  );
}

function retryFor(path: string, { retry, onRetry }: GetOriginalsOptions, signal: AbortSignal | undefined): Retry {
  return connectionRetry({
    ...retry,
    signal,
    onRetry: ({ what }, waitMs) => onRetry(`${path}: ${what}`, waitMs),
  });
}

/** Before anything is fetched: is there room for what will come and for the package? */
async function checkRoom(
  { store, packageBytes }: GetOriginalsOptions,
  missing: readonly Missing[],
  sizes: readonly (number | undefined)[],
): Promise<void> {
  let needed = packageBytes;
  for (const [at, { source, revision, file }] of missing.entries())
    needed += Math.max(0, (sizes[at] ?? 0) - (await store.partBytes(source, revision, file.path)));
  await makeFolder(store.folder);
  const free = await freeBytes(store.folder);
  if (free >= needed) return;
  throw new ResourceError(
    "ERR_OUTPUT_WRITE",
    `the disk of ${store.folder} has ${bytesText(free)} free, and ${bytesText(needed)} are needed: ${bytesText(needed - packageBytes)} to be fetched and ${bytesText(packageBytes)} for the package`,
    {
      cause: noSpaceError("too little space"),
      remedy: "free some space, or name a folder of another disk with --to",
    },
  );
}
