/** Memory stays flat over many create and dispose cycles, each kind in a process of its own. */
import { afterAll, expect, test } from "vitest";
import { modelFolder, runFixture } from "../support/child.js";
import { weighty } from "../support/small-models.js";

const models = modelFolder({ weighty: weighty() });
afterAll(models.remove);

const MIB = 1 << 20;

interface Figures {
  gained: number;
  peak: number;
  tensors: number;
  sessions: number;
}

async function cycles(what: string, count: number): Promise<Figures> {
  const { code, stdout, stderr } = await runFixture("teardown/fixtures/memory.mjs", {
    nodeArgs: ["--expose-gc"],
    args: [models.path("weighty"), what, String(count)],
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Figures;
}

// A leak of the first three would show as count x 0.25 to 1 MiB.
test("10,000 tensors and views made and disposed", async () => {
  const { gained, peak, tensors } = await cycles("tensors", 10_000);
  expect(gained).toBeLessThan(32 * MIB);
  expect(peak).toBeLessThan(200 * MIB);
  expect(tensors).toBe(0);
});

test("1,500 runs whose outputs are disposed", async () => {
  const { gained, peak, tensors } = await cycles("outputs", 1500);
  expect(gained).toBeLessThan(64 * MIB);
  expect(peak).toBeLessThan(300 * MIB);
  expect(tensors).toBe(0);
});

test("300 sessions made, run, bound and disposed", async () => {
  const { gained, sessions } = await cycles("sessions", 300);
  expect(gained).toBeLessThan(48 * MIB);
  expect(sessions).toBe(1);
});

test("1,500 runs whose outputs are forgotten: the collector is told of their memory and keeps up", async () => {
  const { peak } = await cycles("forgotten", 1500);
  expect(peak).toBeLessThan(700 * MIB);
});
