/** The event loop stays free while a model runs. */
import { expect, test } from "vitest";
import { InferenceSession, Tensor } from "../../src/binding/index.js";
import { busy } from "../support/small-models.js";

const TIMER_MS = 5;
const LATE_MS = 20;
const ATTEMPTS = 6;

/** Runs `work` beside a 5 ms timer; says how long it took and by how much the timer was late at most. */
async function beside(work: () => Promise<unknown>): Promise<{ tookMs: number; latestMs: number; ticks: number }> {
  let latestMs = 0;
  let ticks = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    latestMs = Math.max(latestMs, now - last - TIMER_MS);
    last = now;
    ticks++;
  }, TIMER_MS);
  const start = performance.now();
  await work();
  const tookMs = performance.now() - start;
  clearInterval(timer);
  return { tookMs, latestMs: Math.max(latestMs, performance.now() - last - TIMER_MS), ticks };
}

test("while a model runs for a second and more, a 5 ms timer is never late by more than 20 ms", { timeout: 120_000 }, async () => {
  using session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
  const x = Tensor.alloc("float32", [64, 64]);
  const run = (rounds: number): Promise<unknown> => session.run({ rounds: Tensor.from("int64", BigInt64Array.of(BigInt(rounds)), []), x });
  await run(100);
  // Other processes of the machine can hold the timer up as well, so a quiet second out of a few is enough: a run that
  // blocked the loop would hold it up for its whole second, every time.
  let rounds = 20_000;
  const seen: number[] = [];
  while (seen.length < ATTEMPTS) {
    const { tookMs, latestMs, ticks } = await beside(() => run(rounds));
    if (tookMs < 1000) {
      rounds = Math.ceil((rounds * 1300) / tookMs);
      continue;
    }
    expect(ticks).toBeGreaterThan(20);
    seen.push(latestMs);
    if (latestMs <= LATE_MS) break;
  }
  expect(Math.min(...seen), `the timer was late by ${seen.map((ms) => ms.toFixed(1)).join(", ")} ms`).toBeLessThanOrEqual(LATE_MS);
});

test("loading a model does not block the event loop either", async () => {
  const { ticks } = await beside(async () => {
    const sessions = await Promise.all(Array.from({ length: 10 }, () => InferenceSession.create(busy())));
    for (const session of sessions) session.dispose();
  });
  expect(ticks).toBeGreaterThan(0);
});
