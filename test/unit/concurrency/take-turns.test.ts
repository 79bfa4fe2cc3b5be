// Long loops let the event loop run: what is due fires before the loop has ended.
import { describe, expect, it } from "vitest";
import { turn } from "../../../src/concurrency/take-turns.js";

/** Computes until there is something to wait for. */
function busy(): Promise<void> {
  for (;;) {
    const wait = turn();
    if (wait !== undefined) return wait;
  }
}

describe("turn", () => {
  it("lets what is due run, in a loop that never ends by itself", async () => {
    let ran = 0;
    for (let round = 0; round < 3; round++) {
      setImmediate(() => ran++);
      const before = ran;
      await busy();
      expect(ran).toBe(before + 1);
    }
  });

  it("gives nothing to wait for right behind a turn", async () => {
    await busy();
    expect(turn()).toBeUndefined();
  });

  it("is one and the same for all loops, so that their times do not add up", async () => {
    const first = busy();
    expect(turn()).toBe(first);
    await first;
    expect(busy()).not.toBe(first);
  });
});
