/** Programs that use the library beside a sharp of their own: what they set there stays. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runFixture } from "../support/child.js";
import { SMALL_MODEL } from "../support/shared-models.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-guest-"));
  await writeFolder(at("in"), { "1.png": await linePage(1) });
  await writeFolder(at("refs"), { "a.png": await colourPage(2) });
});

afterAll(() => rm(root, { recursive: true, force: true }));

it.each(["import", "require", "thread"])(
  "leaves a host's sharp as it is, at every moment: %s",
  async (way) => {
    const { code, stdout, stderr } = await runFixture("e2e/fixtures/host-of-sharp.mjs", {
      args: [root, SMALL_MODEL, way],
      timeoutMs: 200_000,
    });
    expect([code, stderr]).toEqual([0, ""]);
    const { states, seen } = JSON.parse(stdout) as { states: Record<string, string>; seen: string[] };
    const settings = "77,11,33,2";
    expect(states).toEqual(
      Object.fromEntries(["loaded", "opened", "1 coloured", "closed"].map((where) => [where, `${settings},7`])),
    );
    expect(seen).toEqual([settings]);
  },
  240_000,
);
