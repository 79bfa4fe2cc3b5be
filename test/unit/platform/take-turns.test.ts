// Long loops let the event loop run: a timer that is due fires before the loop has ended.
import { describe, expect, it } from "vitest";
import { turns } from "../../../src/platform/take-turns.js";

describe("turns", () => {
  it("lets what is due run, once in the given time", async () => {
    const turn = turns(0);
    let ran = 0;
    setImmediate(() => ran++);
    const before = ran;
    await turn();
    expect([before, ran]).toEqual([0, 1]);
  });

  it("gives nothing to wait for before the time is over", () => {
    expect(turns(60_000)()).toBeUndefined();
  });
});

it("loops that share a turn wait for one and the same, so that their times do not add up", async () => {
  const turn = turns(0);
  const first = turn();
  expect(turn()).toBe(first);
  await first;
  expect(turn()).not.toBe(first);
});
