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

test("memory that is given back is lent again, also for a little less, and is shared by threads", () => {
  const planes = new SharedPlanes();
  const first = planes.take(6000);
  expect(first.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(first).toHaveLength(6000);
  expect(planes.take(6000).buffer).not.toBe(first.buffer);
  planes.giveBack(first);
  expect(planes.take(12_000).buffer).not.toBe(first.buffer);
  const bytes = planes.takeBytes(4 * 6000 - 7)!;
  expect(bytes.buffer).toBe(first.buffer);
  expect(bytes).toHaveLength(4 * 6000 - 7);
  // What a picture does not fill belongs to it all the same.
  planes.giveBack(bytes.subarray(0, 100));
  expect(planes.take(6000).buffer).toBe(first.buffer);
  planes.giveBack(first);
  planes.clear();
  expect(planes.take(6000).buffer).not.toBe(first.buffer);
  const plain = new Float32Array(6000);
  planes.giveBack(plain, undefined);
  expect(planes.take(6000).buffer).not.toBe(plain.buffer);
});

test("memory of pieces is at most an eighth larger than what is asked for", () => {
  const planes = new SharedPlanes();
  for (const length of [32_768, 50_000, 983_040, 2_955_264, 8_388_609])
    expect(planes.takeBytes(length)!.buffer.byteLength / length).toBeLessThanOrEqual(1.125);
});

test("neither very large pictures nor more than a limit of memory are kept", () => {
  const planes = new SharedPlanes();
  expect(planes.takeBytes(2 ** 25 + 1)).toBeUndefined();
  const taken = Array.from({ length: 5 }, () => planes.takeBytes(2 ** 25)!);
  planes.giveBack(...taken);
  const kept = new Set(taken.map(({ buffer }) => buffer));
  const again = Array.from({ length: 5 }, () => planes.takeBytes(2 ** 25)!);
  expect(again.filter(({ buffer }) => kept.has(buffer))).toHaveLength(4);
});

test("what a page on the device waits for goes before pages to come, ink and files", () => {
  expect((["prepareConditions", "preparePage", "composeInk", "encode"] as const).map(isForDevice)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
