/** Uploads by tus 1.0: a file of any size in pieces, resumed after a lost connection, a reload or a restart. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { Server, type Upload } from "@tus/server";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { BatchProcessingError, messageOf, ValidationError } from "../../../errors.js";
import { getLogger } from "../../../logging.js";
import { uploadMetadata } from "../api/requests.js";
import type { Jobs } from "../jobs/types.js";
import { ClientShare } from "./client-share.js";
import { DiskSpace } from "./disk-space.js";
import type { ServerLimits } from "./limits.js";
import { busy, RequestError } from "./request-error.js";
import { issueText } from "./validation.js";
import { UploadStore } from "./upload-store.js";

const log = getLogger("server");
/** How often uploads that nobody goes on with are looked for. */
const SWEEP_MS = 3600 * 1000;

/** Where uploads lie and what they may take. */
export interface UploadOptions {
  readonly jobs: Jobs;
  /** Folder of uploads that are not complete, on the same disk as the jobs. */
  readonly folder: string;
  readonly space: DiskSpace;
  /** Where clients reach the uploads. */
  readonly path: string;
  readonly limits: ServerLimits;
}

/** The tus server and what keeps it in bounds. */
export class Uploads {
  readonly share: ClientShare;
  readonly #options: UploadOptions;
  readonly #store: UploadStore;
  readonly #tus: Server;
  /** Our own errors, which tus would tell as text. */
  readonly #errors = new WeakMap<object, BatchProcessingError>();
  readonly #sweeping: NodeJS.Timeout;
  /** Uploads that are being moved to their places, by id: nobody moves one twice. */
  readonly #finishing = new Map<string, Promise<void>>();

  constructor(options: UploadOptions) {
    const { folder, path, limits } = options;
    this.#options = options;
    this.#store = new UploadStore(folder, limits.uploadExpiryMs);
    this.share = new ClientShare("uploads", limits.uploadsOfClient, limits.uploads);
    this.#tus = new Server({
      path,
      datastore: this.#store,
      maxSize: limits.uploadBytes,
      relativeLocation: true,
      allowedOrigins: () => false,
      namingFunction: () => randomBytes(16).toString("hex"),
      onIncomingRequest: async (request, id) => {
        if (request.method === "PATCH") await this.#assertWanted(id);
        // To whoever asks, complete means in its place.
        if (request.method === "HEAD") await this.#finishLeft(id);
      },
      onUploadCreate: async (_request, upload) => this.#created(upload),
      onUploadFinish: async (_request, upload) => {
        await this.#finish(upload);
        return {};
      },
      onResponseError: (asked, error) => {
        if (error instanceof BatchProcessingError) this.#errors.set(asked, error);
        return undefined;
      },
    });
    void this.#store.sweep().then(() => this.#finishAllLeft());
    this.#sweeping = setInterval(() => void this.#store.sweep(), SWEEP_MS).unref();
  }

  /** Answers a request of the protocol. */
  async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    assertNumbers(request);
    const sends = request.method === "PATCH" || request.method === "POST";
    const end = sends ? this.share.begin(request.ip) : undefined;
    const giveBack = sends ? await this.#room(Number(request.headers["content-length"] ?? 0), end) : undefined;
    try {
      const asked = toWebRequest(request);
      const response = await this.#tus.handleWeb(asked);
      if (response.status >= 400) throw this.#errors.get(asked) ?? fromAnswer(response.status, await response.text());
      const headers = Object.fromEntries(response.headers);
      delete headers["access-control-expose-headers"];
      return reply
        .code(response.status)
        .headers(headers)
        .send(response.status === 204 ? undefined : await response.text());
    } finally {
      giveBack?.();
      end?.();
    }
  }

  close(): void {
    clearInterval(this.#sweeping);
  }

  async #room(bytes: number, end: (() => void) | undefined): Promise<() => void> {
    try {
      return await this.#options.space.book(bytes);
    } catch (error) {
      end?.();
      throw error;
    }
  }

  /** Refuses early what could not be taken at the end. */
  async #created(upload: Upload): Promise<{ metadata?: Upload["metadata"] }> {
    const { job, role, path } = this.#metadataOf(upload);
    const { jobs, limits, space } = this.#options;
    const { state } = jobs.get(job);
    if (state === "damaged" || (role === "input" && state !== "draft"))
      throw new BatchProcessingError(
        "ERR_STATE",
        `the chapter is ${state} and takes no pages any more; add them as another chapter`,
      );
    if ((await this.#store.unfinished()).length >= limits.keptUploads)
      throw busy(
        503,
        `${limits.keptUploads} uploads are incomplete, which is the limit; continue those, or try again later`,
      );
    (await space.book(upload.size ?? 0))();
    return { metadata: { job, role, path } };
  }

  /** Takes nothing more for a job that has been deleted, and drops what came before. */
  async #assertWanted(id: string): Promise<void> {
    const upload = await this.#store.getUpload(id).catch(() => undefined); // tus answers for one that is not there
    if (upload === undefined) return;
    try {
      this.#options.jobs.get(this.#metadataOf(upload).job);
    } catch (error) {
      await this.#store.remove(id).catch(() => undefined);
      throw error;
    }
  }

  /** Moves a complete upload to its place in its job. */
  #finish(upload: Upload): Promise<void> {
    const { id } = upload;
    const under = this.#finishing.get(id);
    if (under !== undefined) return under;
    const finishing = this.#moveToJob(upload).finally(() => this.#finishing.delete(id));
    this.#finishing.set(id, finishing);
    return finishing;
  }

  async #moveToJob(upload: Upload): Promise<void> {
    const { job, role, path } = this.#metadataOf(upload);
    const { jobs } = this.#options;
    const target = await jobs.uploadTarget(job, { role, path, file: this.#store.pathOf(upload) });
    try {
      await this.#store.move(upload, target);
    } catch (error) {
      jobs.uploadFailed(target);
      throw error;
    }
    await jobs.uploaded(job);
  }

  /** Finishes an upload all of whose bytes came before the server was killed, or before its job could take it. */
  async #finishLeft(id: string): Promise<void> {
    const under = this.#finishing.get(id);
    if (under !== undefined) return under;
    const upload = await this.#store.getUpload(id).catch(() => undefined); // tus answers for one that is not there
    if (upload !== undefined && (await this.#store.isLeft(upload))) await this.#finish(upload);
  }

  /** At a start: a browser may never come back for what it has sent whole. Never rejects. */
  async #finishAllLeft(): Promise<void> {
    const ids = await this.#store.unfinished().catch((error: unknown) => {
      log.warn({ err: error }, `complete uploads cannot be looked for: ${messageOf(error)}`);
      return [];
    });
    for (const id of ids)
      await this.#finishLeft(id).catch((error: unknown) =>
        log.warn({ err: error }, `an upload that is complete cannot be moved to its job: ${messageOf(error)}`),
      );
  }

  #metadataOf({ metadata }: Upload): z.infer<typeof uploadMetadata> {
    const { filename, name, ...given } = metadata ?? {};
    const parsed = uploadMetadata.safeParse({
      job: given["job"],
      role: given["role"] ?? "input",
      path: given["path"] ?? filename ?? name,
    });
    if (parsed.success) return parsed.data;
    const faults = parsed.error.issues.map(issueText);
    throw new ValidationError("ERR_ARGUMENT", `the upload's metadata is wrong: ${faults.join("; ")}`);
  }
}

/** Of a number that goes on as something else, such as 1e30, tus itself takes the front. */
function assertNumbers({ headers }: FastifyRequest): void {
  for (const name of ["Upload-Length", "Upload-Offset"]) {
    const given = headers[name.toLowerCase()];
    if (given === undefined || (/^\d{1,16}$/.test(String(given)) && Number.isSafeInteger(Number(given)))) continue;
    const shown = JSON.stringify(String(given).slice(0, 40));
    throw new RequestError(400, "ERR_REQUEST", `the header ${name} must be a whole number of bytes, not ${shown}`);
  }
}

/** The request as tus takes it: its body is read piece by piece. */
function toWebRequest(request: FastifyRequest): Request {
  const { raw, method } = request;
  const hasBody = method === "PATCH" || method === "POST";
  return new Request(`http://${raw.headers.host}${raw.url}`, {
    method,
    headers: Object.entries(raw.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as [string, string]],
    ),
    ...(hasBody ? { body: Readable.toWeb(raw) as ReadableStream<Uint8Array>, duplex: "half" as const } : {}),
  });
}

/** An error of tus itself. */
function fromAnswer(status: number, body: string): RequestError {
  const text = body.trim();
  if (status === 413) return new RequestError(413, "ERR_REQUEST_LIMIT", text);
  if (status === 404 || status === 410)
    return new RequestError(status, "ERR_JOB_NOT_FOUND", "there is no such upload, or it has expired; begin it again");
  if (status === 500)
    return new RequestError(507, "ERR_OUTPUT_WRITE", "the upload cannot be written to the server's disk");
  return new RequestError(status, "ERR_REQUEST", text);
}
