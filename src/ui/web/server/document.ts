/** The API's description without a server: `npm run docs` writes it to `docs/openapi.json`. */
import { createApp } from "./app.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { Redactor } from "./redactor.js";
import type { Services } from "./services.js";
import { SlowBodies } from "./slow-bodies.js";

/** As `GET /api/v1/openapi.json` answers. */
export async function openApiDocument(): Promise<object> {
  const slowBodies = new SlowBodies(DEFAULT_LIMITS);
  const described = { redactor: new Redactor(new Map()), limits: DEFAULT_LIMITS, page: "/nowhere" } as Services;
  const app = createApp(described, { hostNames: [], token: undefined, slowBodies });
  try {
    await app.ready();
    return app.swagger();
  } finally {
    await app.close();
    slowBodies.close();
  }
}
