/** Uploads in one request, as scripts send them: `POST …/files`, a form with files. */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { outputError } from "../../../../io/files/file-errors.js";
import { jobParams, uploadMetadata } from "../../api/requests.js";
import { job } from "../../api/schemas.js";
import { errors } from "../answers.js";
import type { App } from "../app-type.js";
import { bodyLength } from "../body.js";
import { formFault, formParts } from "../form.js";
import { RequestError } from "../request-error.js";
import type { Services } from "../services.js";
import { checked } from "../validation.js";

/** Adds the route. */
export function fileRoutes(app: App, services: Services): void {
  const { jobs, limits, space, uploads } = services;
  app.post(
    "/jobs/:job/files",
    {
      config: {
        longBody: true,
        form: {
          role: { type: "string", description: 'of the files after it: "input" (default) or "reference"' },
          path: { type: "string", description: "relative path of the file after it; default: its file name" },
          file: { type: "files", description: "a page, a reference, or a whole chapter as CBZ or ZIP" },
        },
      },
      schema: {
        operationId: "uploadFiles",
        summary: "Upload files in one request",
        description: "For scripts. Uploads that can be resumed go to /uploads, by tus 1.0.",
        tags: ["uploads"],
        consumes: ["multipart/form-data"],
        params: jobParams,
        response: { 201: job, ...errors },
      },
    },
    async (request, reply) => {
      const { job: id } = request.params;
      jobs.get(id);
      const length = bodyLength(request, limits.uploadBytes);
      const end = uploads.share.begin(request.ip);
      try {
        const giveBack = await space.book(length);
        try {
          const count = await receive(request, services, id);
          if (count === 0)
            throw new RequestError(400, "ERR_ARGUMENT", 'the form has no file; send at least one as "file"');
        } finally {
          giveBack();
          await jobs.uploaded(id);
        }
      } finally {
        end();
      }
      return reply.code(201).send(jobs.get(id));
    },
  );
}

/** @returns how many files were taken */
async function receive(request: FastifyRequest, services: Services, job: string): Promise<number> {
  const { limits } = services;
  let role: unknown = "input";
  let path: unknown;
  let count = 0;
  /** Two files of one form are two, though their names are the same. */
  const targets = new Set<string>();
  const parts = formParts(request, {
    preservePath: true,
    limits: {
      fileSize: limits.uploadBytes,
      files: limits.filesOfRequest,
      fields: 2 * limits.filesOfRequest,
      fieldSize: 8192,
      parts: 3 * limits.filesOfRequest,
    },
  });
  for await (const part of parts) {
    if (part.type === "field") {
      if (part.fieldname === "role") role = part.value;
      if (part.fieldname === "path") path = part.value;
      continue;
    }
    const given = { job, role, path: path ?? part.filename };
    path = undefined;
    const metadata = checked(uploadMetadata, given, `the form's file ${count + 1}`);
    targets.add(await take(part.file, metadata, targets, services));
    count++;
  }
  return count;
}

/** @returns where the file has been put */
async function take(
  file: Readable,
  { job, role, path }: { job: string; role: "input" | "reference"; path: string },
  beside: ReadonlySet<string>,
  { jobs, uploadFolder }: Services,
): Promise<string> {
  const temporary = join(uploadFolder, `${randomBytes(16).toString("hex")}.part`);
  let target: string | undefined;
  try {
    await pipeline(file, createWriteStream(temporary, { flags: "wx", mode: 0o600 }));
    const handle = await open(temporary, "r+");
    await handle.sync().finally(() => handle.close());
    target = await jobs.uploadTarget(job, { role, path, file: temporary, beside });
    await rename(temporary, target);
    return target;
  } catch (error) {
    if (target !== undefined) jobs.uploadFailed(target);
    await rm(temporary, { force: true });
    throw isOfDisk(error) ? outputError(target ?? temporary, error) : formFault(error);
  }
}

const WRITING: ReadonlySet<string | undefined> = new Set(["open", "write", "fsync", "close", "rename"]);

/** Whether it was the disk that failed, and not the client. */
function isOfDisk(error: unknown): boolean {
  return error instanceof Error && WRITING.has((error as NodeJS.ErrnoException).syscall);
}
