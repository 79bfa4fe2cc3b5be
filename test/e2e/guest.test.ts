/** A program of its own that uses the library beside its own sharp: what it set there stays. */
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

it("leaves a host's sharp as it is: loaders, cache and threads", async () => {
  const { code, stdout, stderr } = await runFixture("e2e/fixtures/host-of-sharp.mjs", {
    args: [root, SMALL_MODEL],
    timeoutMs: 200_000,
  });
  expect([code, stderr]).toEqual([0, ""]);
  const { states, completed } = JSON.parse(stdout) as { states: number[][]; completed: number };
  expect(completed).toBe(1);
  expect(states).toEqual(Array.from({ length: 4 }, () => [77, 11, 33, 2, 7]));
}, 240_000);
