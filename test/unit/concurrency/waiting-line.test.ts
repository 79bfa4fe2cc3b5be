// Waiting with a signal: one listener however many wait, first come, first served.
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { abortable } from "../../../src/concurrency/abortable.js";
import { onAbort } from "../../../src/concurrency/on-abort.js";
import { WaitingLine } from "../../../src/concurrency/waiting-line.js";

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

describe("onAbort", () => {
  it("has one listener for all, calls each once in their order, and leaves none behind", () => {
    const stop = new AbortController();
    const called: number[] = [];
    const forget = Array.from({ length: 50 }, (_, index) => onAbort(stop.signal, () => called.push(index)));
    expect(listenersOf(stop.signal)).toBe(1);
    for (const index of [1, 3, 3]) forget[index]!();
    stop.abort();
    expect(called).toEqual(
      Array.from({ length: 50 }, (_, index) => index).filter((index) => index !== 1 && index !== 3),
    );
    expect(listenersOf(stop.signal)).toBe(0);
    for (const one of forget) one();
    onAbort(stop.signal, () => called.push(99));
    expect(called).not.toContain(99);
  });

  it("keeps the same callback apart that is given twice, and lets one take back another while it is called", () => {
    const stop = new AbortController();
    let called = 0;
    const count = (): void => void called++;
    onAbort(stop.signal, count);
    onAbort(stop.signal, count)();
    onAbort(stop.signal, () => last());
    const last = onAbort(stop.signal, () => (called += 10));
    stop.abort();
    expect(called).toBe(1);
  });

  it("has no listener when nobody waits any more, and one again for the next", () => {
    const { signal } = new AbortController();
    for (let round = 0; round < 3; round++) {
      const forget = [onAbort(signal, () => {}), onAbort(signal, () => {})];
      expect(listenersOf(signal)).toBe(1);
      for (const one of forget) one();
      expect(listenersOf(signal)).toBe(0);
    }
    expect(onAbort(undefined, () => {})()).toBeUndefined();
  });

  it("serves waits for shared work", async () => {
    const stop = new AbortController();
    const waits = Array.from({ length: 20 }, () => abortable(new Promise<never>(() => {}), stop.signal));
    expect(listenersOf(stop.signal)).toBe(1);
    stop.abort("enough");
    expect((await Promise.allSettled(waits)).map((one) => one.status === "rejected" && one.reason)).toEqual(
      Array.from({ length: 20 }, () => "enough"),
    );
  });
});

describe("WaitingLine", () => {
  it("gives in the order of coming; one that is aborted leaves its place to the next", async () => {
    let free = 1;
    const line = new WaitingLine<string, string>(() => {
      for (let { first } = line; first !== undefined && free > 0; { first } = line) {
        free--;
        first.give(`for ${first.wish}`);
      }
    });
    const stop = new AbortController();
    const [a, b, c] = [line.wait("a"), line.wait("b", stop.signal), line.wait("c")];
    expect(await a).toBe("for a");
    expect(line.size).toBe(2);
    free = 1;
    stop.abort("gone");
    await expect(b).rejects.toBe("gone");
    expect(await c).toBe("for c");
    await expect(line.wait("d", stop.signal)).rejects.toBe("gone");
    const refused = line.wait("e");
    line.first!.refuse(new Error("closed"));
    await expect(refused).rejects.toThrow("closed");
    expect(line.size).toBe(0);
  });
});
