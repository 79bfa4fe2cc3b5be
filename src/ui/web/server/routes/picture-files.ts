/** Files of pictures and of jobs: thumbnails, originals, results, line art, archives. */
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import {
  jobParams,
  linesQuery,
  originalQuery,
  pictureParams,
  resultQuery,
  THUMBNAIL_SIDES,
  thumbnailQuery,
} from "../../api/requests.js";
import { BatchProcessingError } from "../../../../errors.js";
import type { Jobs, OpenedPicture, PictureFile } from "../../jobs/types.js";
import { errors, file, pictureFile } from "../answers.js";
import type { App } from "../app-type.js";
import type { LayeredPage } from "../layered-page.js";
import { dispositionOf } from "../disposition.js";
import { matches, opener, sendFile } from "../send-file.js";
import type { Services } from "../services.js";

const tags = ["files"];
const PSD = "image/vnd.adobe.photoshop";

/** Adds the routes. */
export function pictureFileRoutes(app: App, services: Services): void {
  const { jobs, limits } = services;
  const { stalledMs } = limits;
  const send = async (request: FastifyRequest, reply: FastifyReply, which: PictureFile): Promise<never> => {
    const { job, picture } = request.params as z.output<typeof pictureParams>;
    const { download = false, v } = request.query as z.output<typeof originalQuery>;
    const opened = await jobs.openPicture(job, picture, which);
    const { name, type, sizeBytes, version } = opened;
    const sent = { name, type, sizeBytes, version, open: opener(opened) };
    return sendFile(request, reply, sent, { download, immutable: v === version, stalledMs }) as never;
  };
  app.get(
    "/jobs/:job/pictures/:picture/original",
    {
      schema: {
        operationId: "getOriginal",
        summary: "A picture as it was given",
        tags,
        params: pictureParams,
        querystring: originalQuery,
        response: { 200: pictureFile, ...errors },
      },
    },
    (request, reply) => send(request, reply, "original"),
  );
  app.get(
    "/jobs/:job/pictures/:picture/hints",
    {
      schema: {
        operationId: "getHints",
        summary: "The strokes of colour that a page keeps to",
        tags,
        params: pictureParams,
        querystring: originalQuery,
        response: { 200: file("strokes of colour on transparency", "image/png"), ...errors },
      },
    },
    (request, reply) => send(request, reply, "hints"),
  );
  app.get(
    "/jobs/:job/pictures/:picture/result",
    {
      schema: {
        operationId: "getResult",
        summary: "A coloured page, one of its layers, or one picture of a preview",
        tags,
        params: pictureParams,
        querystring: resultQuery,
        response: { 200: pictureFile, ...errors },
      },
    },
    (request, reply) => {
      const { seed, layer } = request.query;
      const which =
        layer !== undefined
          ? (`layer:${layer}` as const)
          : seed !== undefined
            ? (`preview:${seed}` as const)
            : "result";
      return send(request, reply, which);
    },
  );
  smallRoutes(app, services);
  layeredRoute(app, services);
  app.get(
    "/jobs/:job/result",
    {
      schema: {
        operationId: "getArchive",
        summary: "The results of a job as one archive",
        tags,
        params: jobParams,
        response: {
          200: file("the archive; Range is understood", "application/vnd.comicbook+zip", "application/zip"),
          ...errors,
        },
      },
    },
    async (request, reply) => {
      const { name, type, sizeBytes, version, path, chunks } = await opened(services, request.params.job);
      const open =
        path === undefined ? (start: number, end: number) => Readable.from(chunks({ start, end })) : opener({ path });
      return sendFile(
        request,
        reply,
        { name, type, sizeBytes, version, open },
        { download: true, immutable: false, stalledMs },
      );
    },
  );
}

async function opened({ jobs }: Services, job: string) {
  const result = await jobs.result(job);
  return { ...result, chunks: (range: { start: number; end: number }) => result.chunks(range) };
}

function smallRoutes(app: App, { jobs, thumbnails, lineArt }: Services): void {
  app.get(
    "/jobs/:job/pictures/:picture/thumbnail",
    {
      schema: {
        operationId: "getThumbnail",
        summary: "A picture made small",
        description: `Sides of ${THUMBNAIL_SIDES.join(", ")} pixels; others are rounded up.`,
        tags,
        params: pictureParams,
        querystring: thumbnailQuery,
        response: { 200: file("the small picture", "image/webp"), ...errors },
      },
    },
    async ({ params: { job, picture }, query: { size, of, seed, v }, headers }, reply) => {
      const which = seed === undefined ? of : (`preview:${seed}` as const);
      const open = (): Promise<OpenedPicture> =>
        which === "latest" ? latest(jobs, job, picture) : jobs.openPicture(job, picture, which);
      const side = THUMBNAIL_SIDES.find((one) => one >= size) ?? THUMBNAIL_SIDES.at(-1)!;
      const { bytes, version, of: made } = await thumbnails.get(`${job}/${picture}/${which}`, open, side);
      return sendSmall(reply, { bytes, version, type: "image/webp" }, headers["if-none-match"], v === made);
    },
  );
  app.get(
    "/jobs/:job/pictures/:picture/lines",
    {
      schema: {
        operationId: "getLines",
        summary: "The line art of a page, as the model sees it",
        tags,
        params: pictureParams,
        querystring: linesQuery,
        response: { 200: file("gray, at the model's page size", "image/png"), ...errors },
      },
    },
    async ({ params: { job, picture }, query, headers }, reply) => {
      const { bytes, version } = await lineArt.get(() => jobs.openPicture(job, picture, "original"), query.style);
      return sendSmall(reply, { bytes, version, type: "image/png" }, headers["if-none-match"], false);
    },
  );
}

function layeredRoute(app: App, { layeredPages }: Services): void {
  app.get(
    "/jobs/:job/pictures/:picture/psd",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "getLayeredPage",
        summary: "A coloured page as a Photoshop document with layers",
        description: "The page is coloured once more, the same; the answer comes when that is done.",
        tags,
        params: pictureParams,
        response: { 200: file("original, colours and ink", PSD), ...errors },
      },
    },
    async ({ params: { job, picture } }, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort(new Error("the client has gone")));
      return sendDocument(reply, await layeredPages.get(job, picture, gone.signal));
    },
  );
}

/** The result of a picture where there is one; else the picture as it was given. */
async function latest(jobs: Jobs, job: string, picture: string): Promise<OpenedPicture> {
  try {
    return await jobs.openPicture(job, picture, "result");
  } catch (error) {
    if (!(error instanceof BatchProcessingError) || error.code !== "ERR_JOB_NOT_FOUND") throw error;
    return jobs.openPicture(job, picture, "original");
  }
}

function sendDocument(reply: FastifyReply, { bytes, name }: LayeredPage): FastifyReply {
  return reply.type(PSD).header("content-disposition", dispositionOf(name)).send(bytes);
}

/** Sends a picture that is small enough for memory. */
function sendSmall(
  reply: FastifyReply,
  { bytes, version, type }: { bytes: Uint8Array; version: string; type: string },
  ifNoneMatch: string | undefined,
  immutable: boolean,
): FastifyReply {
  const etag = `"${version}"`;
  reply.headers({
    etag,
    "cache-control": immutable ? "private, max-age=31536000, immutable" : "private, no-cache",
    "content-security-policy": "default-src 'none'; sandbox",
  });
  if (matches(ifNoneMatch, etag)) return reply.code(304).send();
  return reply.type(type).send(bytes);
}
