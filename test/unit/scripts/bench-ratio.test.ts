/** Every ratio of a benchmark is times the peer: above 1 is better. */
import { expect, it } from "vitest";

interface Harness {
  timesPeer(ours: number, peer: number, unit: string): number;
  compare(scenario: object): Promise<{ ratio: number }>;
}
const { timesPeer, compare } = (await import(
  new URL("../../../bench/harness.mjs", import.meta.url).href
)) as unknown as Harness;

it.each(["µs a run", "ms of one core a picture", "s a chapter", "ns a call", "ms", "MiB"])(
  "half of the peer's %j is 2 times the peer",
  (unit) => expect(timesPeer(1, 2, unit)).toBe(2),
);

it.each(["MB/s", "pages/s", "pictures/s", "pages a minute"])("twice the peer's %j is 2 times the peer", (unit) =>
  expect(timesPeer(2, 1, unit)).toBe(2),
);

it("holds for a whole comparison", async () => {
  const candidates = { ours: async () => 30, peer: async () => 10 };
  expect((await compare({ name: "rate", unit: "pages/s", candidates, rounds: 3 })).ratio).toBe(3);
  expect((await compare({ name: "time", unit: "ms", candidates, rounds: 3 })).ratio).toBeCloseTo(1 / 3);
});
