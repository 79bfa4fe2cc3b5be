/** Describes the server: its model, its limits, its health, its description. */
import { VERSION } from "../../../../core/version.js";
import { health } from "../../api/requests.js";
import { serverInfo } from "../../api/schemas.js";
import { errors } from "../answers.js";
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

const tags = ["server"];

/** Adds the routes. */
export function serverInfoRoutes(app: App, { backend, jobs, limits }: Services): void {
  app.get(
    "/server",
    {
      schema: {
        operationId: "getServer",
        summary: "The server, its model and its limits",
        tags,
        response: { 200: serverInfo, ...errors },
      },
    },
    async () => ({
      version: VERSION,
      ...(await backend.model()),
      unavailable: backend.unavailable,
      ...(backend.farm === undefined ? {} : { farm: { name: backend.farm.name } }),
      roots: jobs.roots(),
      limits: { uploadBytes: limits.uploadBytes, pageBytes: limits.pageBytes },
    }),
  );
  app.get("/openapi.json", { schema: { hide: true } }, (_request, reply) =>
    reply.type("application/json; charset=utf-8").serializer(String).send(JSON.stringify(app.swagger())),
  );
}

/** Adds the route that needs no token and lies outside of the API. */
export function healthRoute(app: App): void {
  app.get(
    "/healthz",
    {
      config: { open: true },
      schema: {
        operationId: "getHealth",
        summary: "Whether the server answers",
        tags,
        response: { 200: health, ...errors },
      },
    },
    () => ({ status: "ok" as const, version: VERSION }),
  );
}
