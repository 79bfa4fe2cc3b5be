/**
 * Live counts: what is made is counted, what is disposed or forgotten is not. Alone in its process, so that 0 means 0.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { InferenceSession, liveCounts, Tensor } from "../../src/binding/index.js";
import { doubling } from "../support/small-models.js";

const NOTHING = { environments: 1, sessions: 0, tensors: 0, bindings: 0, runs: 0, leases: 0 };

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function collected(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise(setImmediate);
  }
}

/** Sessions go on their device's thread, soon after the last one let go of them. */
async function nothingLeft(): Promise<void> {
  await expect.poll(() => liveCounts()).toEqual(NOTHING);
}

test("counts go up, stay up while a run holds its session and tensors, and come back to nothing", async () => {
  expect(liveCounts()).toEqual(NOTHING);
  const session = await InferenceSession.create(doubling("float32"));
  const x = Tensor.alloc("float32", [1, 1]);
  const place = await Tensor.allocOn(session, "float32", [1, 1]);
  const binding = session.bind({ x }, { y: place });
  expect(liveCounts()).toEqual({ environments: 1, sessions: 1, tensors: 2, bindings: 1, runs: 0, leases: 0 });
  const run = session.run({ x });
  const bound = binding.run();
  expect(liveCounts().runs).toBe(2);
  for (const object of [session, x, place, binding]) object.dispose();
  expect(liveCounts()).toMatchObject({ sessions: 1, tensors: 0, bindings: 1, runs: 2 });
  const { y } = await run;
  await bound;
  y!.dispose();
  await nothingLeft();
});

test("what fails or is refused leaves nothing behind", async () => {
  await expect(InferenceSession.create(Buffer.from("no model"))).rejects.toThrow();
  const session = await InferenceSession.create(doubling("float32"));
  const x = Tensor.alloc("float32", [1, 1]);
  await expect(session.run({ x }, { signal: AbortSignal.abort() })).rejects.toThrow();
  const late = new AbortController();
  const run = session.run({ x }, { signal: late.signal });
  late.abort();
  await expect(run).rejects.toThrow();
  x.dispose();
  session.dispose();
  await nothingLeft();
});

test("forgotten tensors, bindings and sessions are freed by the garbage collector", async () => {
  await (async () => {
    const session = await InferenceSession.create(doubling("float32"));
    for (let i = 0; i < 50; i++) {
      const x = Tensor.alloc("float32", [8, 8]);
      const { y } = await session.run({ x });
      session.bind({ x: y!.view(0, [2, 2]) }, { y: await Tensor.allocOn(session, "float32", [2, 2]) });
    }
    expect(liveCounts().tensors).toBeGreaterThan(0);
  })();
  await collected();
  await nothingLeft();
});

test("an array read from a forgotten tensor stays valid", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  const array = await (async () => {
    const { y } = await session.run({ x: Tensor.from("float32", new Float32Array(65_536).fill(21), [256, 256]) });
    return y!.data as Float32Array;
  })();
  await collected();
  expect(liveCounts().tensors).toBe(0);
  expect(array).toHaveLength(65_536);
  expect(array.every((element) => element === 42)).toBe(true);
});
