/** Uploads that can be resumed: tus 1.0. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { uploadParams } from "../../api/requests.js";
import { errors, nothing } from "../answers.js";
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

const RESUMABLE = { required: true, description: "version of the protocol: 1.0.0" };
const LENGTH = { required: true, description: "bytes of the whole file" };
const OFFSET = { required: true, description: "byte of the file that the body begins with, as HEAD says" };
const METADATA = {
  required: true,
  description:
    'pairs of a name and a value in base64, divided by commas: job, role ("input" or "reference"), path (relative, with slashes)',
};
const BYTES = { type: "application/offset+octet-stream", description: "bytes from the offset on" };
const tags = ["uploads"];

/** Adds the routes. */
export function uploadRoutes(app: App, { uploads }: Services): void {
  void app.register((scope: App, _options, done) => {
    // tus reads the bodies itself, piece by piece.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, ok) => ok(null));
    const each = { longBody: true };
    const handler = (request: FastifyRequest, reply: FastifyReply): never => uploads.handle(request, reply) as never;
    scope.post(
      "/uploads",
      {
        config: {
          ...each,
          headers: { "Tus-Resumable": RESUMABLE, "Upload-Length": LENGTH, "Upload-Metadata": METADATA },
        },
        schema: {
          operationId: "beginUpload",
          summary: "Begin an upload that can be resumed (tus 1.0)",
          description: "Location in the answer is the upload's address. Unfinished uploads are kept for three days.",
          tags,
          response: { 201: nothing, ...errors },
        },
      },
      handler,
    );
    scope.head(
      "/uploads/:upload",
      {
        config: { ...each, headers: { "Tus-Resumable": RESUMABLE }, swagger: { exposeHeadRoute: true } },
        schema: {
          operationId: "getUploadOffset",
          summary: "How much of an upload is there",
          description: "Upload-Offset in the answer is the number of bytes that are there.",
          tags,
          params: uploadParams,
          response: { 200: nothing, ...errors },
        },
      },
      handler,
    );
    scope.patch(
      "/uploads/:upload",
      {
        config: { ...each, headers: { "Tus-Resumable": RESUMABLE, "Upload-Offset": OFFSET }, file: BYTES },
        schema: {
          operationId: "continueUpload",
          summary: "Send bytes of an upload",
          description: "With the last byte the file is a part of its job.",
          tags,
          consumes: [BYTES.type],
          params: uploadParams,
          response: { 204: nothing, ...errors },
        },
      },
      handler,
    );
    scope.delete(
      "/uploads/:upload",
      {
        config: { ...each, headers: { "Tus-Resumable": RESUMABLE } },
        schema: {
          operationId: "deleteUpload",
          summary: "Give an upload up",
          tags,
          params: uploadParams,
          response: { 204: nothing, ...errors },
        },
      },
      handler,
    );
    scope.options("/uploads", { schema: { hide: true } }, handler);
    scope.options("/uploads/:upload", { schema: { hide: true } }, handler);
    done();
  });
}
