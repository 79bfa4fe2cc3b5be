/** Uploads that can be resumed: tus 1.0. */
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

/** Adds the routes. */
export function uploadRoutes(app: App, { uploads }: Services): void {
  void app.register((scope: App, _options, done) => {
    // tus reads the bodies itself, piece by piece.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, ok) => ok(null));
    const config = { longBody: true };
    const schema = { hide: true };
    scope.route({
      method: ["POST", "OPTIONS"],
      url: "/uploads",
      config,
      schema,
      handler: (request, reply) => uploads.handle(request, reply),
    });
    scope.route({
      method: ["PATCH", "HEAD", "DELETE", "OPTIONS"],
      url: "/uploads/:upload",
      config,
      schema,
      handler: (request, reply) => uploads.handle(request, reply),
    });
    done();
  });
}
