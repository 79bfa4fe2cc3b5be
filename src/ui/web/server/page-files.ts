/** The page itself: files that were built with the package. They hold no secrets and need no token. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { App } from "./app-type.js";

const NOT_BUILT = `cobra-batch serves its API at /api/v1, described at /api/v1/openapi.json.
The page was not built; run \`npm run build\` in the source folder, then start the server again.
`;

/** Adds the page's files. @param folder where they lie */
export function pageFiles(app: App, folder: string): void {
  if (!existsSync(join(folder, "index.html"))) {
    app.get("/", { schema: { hide: true } }, (_request, reply) =>
      reply.type("text/plain; charset=utf-8").serializer(String).send(NOT_BUILT),
    );
    return;
  }
  void app.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    dotfiles: "ignore",
    cacheControl: false,
    setHeaders: (response, path) => {
      // Names in assets/ have the hash of what they hold.
      const forEver = /[\\/]assets[\\/]/.test(path);
      response.setHeader("cache-control", forEver ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
}
