/** Folders on the server that may be read. */
import { z } from "zod";
import { rootListing, rootParams, rootQuery } from "../../api/requests.js";
import { errors } from "../answers.js";
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

const tags = ["server"];

/** Adds the routes. */
export function rootRoutes(app: App, { jobs }: Services): void {
  app.get(
    "/roots",
    {
      schema: {
        operationId: "listRoots",
        summary: "Names of the folders on the server that may be read",
        tags,
        response: { 200: z.array(z.string()), ...errors },
      },
    },
    () => jobs.roots(),
  );
  app.get(
    "/roots/:root",
    {
      schema: {
        operationId: "listFolder",
        summary: "Folders and archives in a folder below a root",
        tags,
        params: rootParams,
        querystring: rootQuery,
        response: { 200: rootListing, ...errors },
      },
    },
    async ({ params: { root }, query: { path } }) => ({ root, path, entries: await jobs.listRoot(root, path) }),
  );
}
