/** What pages share before the networks: noise of a seed, work that is one item ahead, memory for planes. */
import { expect, test } from "vitest";
import { oneAhead } from "../../../../src/concurrency/one-ahead.js";
import type { PageNoise } from "../../../../src/colorization/cobra/page-noise.js";
import { SharedNoise } from "../../../../src/colorization/cobra/shared-noise.js";
import { SharedPlanes } from "../../../../src/colorization/networks/staging.js";
import { isForDevice } from "../../../../src/colorization/tasks/urgency.js";
import type { RunTask } from "../../../../src/colorization/tasks/table.js";

const counts = { latent: 8, references: 0, upsampler: 0 };

/** A pool whose draws are counted, and settled by the test. */
function drawing(): {
  runTask: RunTask;
  draws: { resolve: (noise: PageNoise) => void; reject: (why: Error) => void }[];
} {
  const draws: { resolve: (noise: PageNoise) => void; reject: (why: Error) => void }[] = [];
  const runTask = (() => new Promise((resolve, reject) => draws.push({ resolve, reject }))) as unknown as RunTask;
  return { runTask, draws };
}

const noise = (): PageNoise => ({
  start: new Float32Array(1),
  line: new Float32Array(1),
  hint: new Float32Array(1),
  upsampler: new Float32Array(1),
});

test("noise of a seed and size is drawn once; a page that is cancelled cancels its waiting alone", async () => {
  const { runTask, draws } = drawing();
  const shared = new SharedNoise();
  const cancelled = new AbortController();
  const [first, second] = [shared.of(runTask, 1, counts, cancelled.signal), shared.of(runTask, 1, counts)];
  expect(draws).toHaveLength(1);
  cancelled.abort(new Error("given up"));
  await expect(first).rejects.toThrow("given up");
  const drawn = noise();
  draws[0]!.resolve(drawn);
  expect(await second).toBe(drawn);
  void shared.of(runTask, 2, counts).catch(() => undefined);
  void shared.of(runTask, 1, { ...counts, latent: 9 }).catch(() => undefined);
  expect(draws).toHaveLength(3);
});

test("a draw that fails is tried again, and few seeds are kept", async () => {
  const { runTask, draws } = drawing();
  const shared = new SharedNoise();
  const failing = shared.of(runTask, 1, counts);
  draws[0]!.reject(new Error("no thread"));
  await expect(failing).rejects.toThrow("no thread");
  for (let seed = 1; seed <= 5; seed++) void shared.of(runTask, seed, counts);
  expect(draws).toHaveLength(6);
  void shared.of(runTask, 5, counts);
  expect(draws).toHaveLength(6);
  void shared.of(runTask, 1, counts);
  expect(draws).toHaveLength(7);
});

test("work is one item ahead, in order; what nobody will use is discarded", async () => {
  const begun: number[] = [];
  const discarded: number[] = [];
  const work = async (item: number): Promise<number> => {
    begun.push(item);
    return 10 * item;
  };
  const used: number[][] = [];
  for await (const [item, result] of oneAhead([1, 2, 3, 4], work, (result) => discarded.push(result))) {
    used.push([item, result, begun.length]);
    if (item === 2) break;
  }
  await new Promise(setImmediate);
  expect({ used, begun, discarded }).toEqual({
    used: [
      [1, 10, 2],
      [2, 20, 3],
    ],
    begun: [1, 2, 3],
    discarded: [30],
  });
});

test("the next item is begun while the first is waited for", async () => {
  const begun: number[] = [];
  let finish: (() => void) | undefined;
  const items = oneAhead([1, 2, 3], (item) => {
    begun.push(item);
    return item === 1 ? new Promise<void>((resolve) => (finish = resolve)) : Promise.resolve();
  });
  const first = items.next();
  await Promise.resolve();
  expect(begun).toEqual([1, 2]);
  finish!();
  await first;
  expect(begun).toEqual([1, 2]);
  await items.return(undefined);
});

test("planes that are given back are lent again, and are memory that threads share", () => {
  const planes = new SharedPlanes();
  const first = planes.take(6);
  expect(first.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(planes.take(6)).not.toBe(first);
  planes.giveBack(first);
  expect(planes.take(5)).not.toBe(first);
  expect(planes.take(6)).toBe(first);
  planes.giveBack(first);
  planes.clear();
  expect(planes.take(6)).not.toBe(first);
  const plain = new Float32Array(6);
  planes.giveBack(plain);
  expect(planes.take(6)).not.toBe(plain);
});

test("what a page on the device waits for goes before pages to come, ink and files", () => {
  expect((["prepareConditions", "preparePage", "composeInk", "encode"] as const).map(isForDevice)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
