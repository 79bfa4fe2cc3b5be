// A hub with the small release, new for each test, and an empty folder to fetch into. Calls the hooks of the test file.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { HubServer, type HubServerOptions } from "./hub-server.js";
import { filesAt, getFrom, type Got } from "./originals.js";
import { COBRA, PIXART, RELEASE } from "./release-catalogue.js";

export const ERIKA = "LE/erika.pth";
export const VAE = "vae/diffusion_pytorch_model.safetensors"; // its hash is in the catalogue
export const CONFIG = "vae/config.json"; // no LFS: git's hash
export const FILES = filesAt(`cobra/${ERIKA}`, `pixart/${VAE}`, `pixart/${CONFIG}`);

export interface HubPlace {
  hub: HubServer;
  /** Where models are fetched to. */
  home: string;
  start(options?: Partial<HubServerOptions>): Promise<HubServer>;
  get(env?: Record<string, string>, files?: typeof FILES): Promise<Got>;
}

export function useHub(): HubPlace {
  let root = "";
  const place = {
    home: "",
    start: (options: Partial<HubServerOptions> = {}) =>
      HubServer.start({ hub: { [COBRA]: join(RELEASE, "cobra"), [PIXART]: join(RELEASE, "pixart") }, ...options }),
    get: (env: Record<string, string> = {}, files = FILES) => getFrom(place.hub, place.home, { files, env }),
  } as HubPlace;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-faults-"));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
  beforeEach(async () => {
    place.home = await mkdtemp(join(root, "home-"));
    place.hub = await place.start();
  });
  afterEach(() => place.hub[Symbol.asyncDispose]());
  return place;
}

/** A server that answers every request by itself. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
