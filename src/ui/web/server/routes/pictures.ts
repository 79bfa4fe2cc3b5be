/** The pictures of a job: roles, settings, hints. Their files are in `picture-files.ts`. */
import { z } from "zod";
import { jobParams, pictureChanges, pictureParams } from "../../api/requests.js";
import { picture } from "../../api/schemas.js";
import { errors, nothing } from "../answers.js";
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

const tags = ["pictures"];

/** Adds the routes. */
export function pictureRoutes(app: App, { jobs, limits }: Services): void {
  app.get(
    "/jobs/:job/pictures",
    {
      schema: {
        operationId: "listPictures",
        summary: "Pages, references and other pictures of a job",
        tags,
        params: jobParams,
        response: { 200: z.array(picture), ...errors },
      },
    },
    ({ params }) => jobs.pictures(params.job),
  );
  app.patch(
    "/jobs/:job/pictures",
    {
      schema: {
        operationId: "updatePictures",
        summary: "Give pictures another role or settings of their own",
        tags,
        params: jobParams,
        body: pictureChanges,
        response: { 200: z.array(picture), ...errors },
      },
    },
    ({ params, body: { ids, ...changes } }) => jobs.updatePictures(params.job, ids, changes),
  );
  app.delete(
    "/jobs/:job/pictures/:picture",
    {
      schema: {
        operationId: "deleteReference",
        summary: "Delete a reference that was added",
        tags,
        params: pictureParams,
        response: { 204: nothing, ...errors },
      },
    },
    async ({ params }, reply) => {
      await jobs.removeReference(params.job, params.picture);
      return reply.code(204).send(undefined);
    },
  );
  void app.register((scope: App, _options, done) => {
    scope.removeAllContentTypeParsers(); // a value of JSON is no picture
    scope.addContentTypeParser("image/png", { parseAs: "buffer", bodyLimit: limits.pageBytes }, (_request, body, ok) =>
      ok(null, body),
    );
    scope.put(
      "/jobs/:job/pictures/:picture/hints",
      {
        bodyLimit: limits.pageBytes,
        config: { longBody: true, file: { type: "image/png", description: "strokes of colour on transparency" } },
        schema: {
          operationId: "putHints",
          summary: "Give a page colours to keep to",
          description: "A PNG in the page's shape: strokes of colour on transparency.",
          tags,
          consumes: ["image/png"],
          params: pictureParams,
          response: { 200: picture, ...errors },
        },
      },
      // Without a body the framework reads none.
      ({ params, body }) => jobs.putHints(params.job, params.picture, (body as Buffer | undefined) ?? new Uint8Array()),
    );
    done();
  });
  app.delete(
    "/jobs/:job/pictures/:picture/hints",
    {
      schema: {
        operationId: "deleteHints",
        summary: "Take a page's hints away",
        tags,
        params: pictureParams,
        response: { 200: picture, ...errors },
      },
    },
    ({ params }) => jobs.removeHints(params.job, params.picture),
  );
}
