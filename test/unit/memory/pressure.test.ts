// The decisions about memory: counters in, decision out. Nothing is allocated.
import { describe, expect, it } from "vitest";
import {
  halvedLimit,
  MAX_PAGES_IN_FLIGHT,
  mayBegin,
  nextStep,
  pagesInFlight,
  type PressureStep,
} from "../../../src/memory/pressure.js";

describe("pagesInFlight", () => {
  const machine = { cores: 16, freeBytes: 1000, sharedBytes: 100, pageBytes: 10 };

  it.each([
    ["never more than bring something", {}, MAX_PAGES_IN_FLIGHT],
    ["two on one core too: one waits for the disk", { cores: 1 }, 2],
    ["as many as fit beside the networks", { freeBytes: 125 }, 2],
    ["one where not even one fits", { freeBytes: 50 }, 1],
    ["one where nothing is free", { freeBytes: -5 }, 1],
  ])("is %s", (_name, counters, expected) => {
    expect(pagesInFlight({ ...machine, ...counters })).toBe(expected);
  });
});

describe("mayBegin", () => {
  it.each([
    [{ inFlight: 0, limit: 1, freeBytes: 0, neededBytes: 10 }, true],
    [{ inFlight: 1, limit: 2, freeBytes: 10, neededBytes: 10 }, true],
    [{ inFlight: 1, limit: 2, freeBytes: 9, neededBytes: 10 }, false],
    [{ inFlight: 2, limit: 2, freeBytes: 99, neededBytes: 10 }, false],
  ])("%o: %s", (counters, expected) => {
    expect(mayBegin(counters)).toBe(expected);
  });
});

describe("nextStep", () => {
  it("goes from the mildest to the last, each of the first two once", () => {
    const counters = { droppableBytes: 10, arenaSlackBytes: 2 ** 22, inFlight: 3 };
    const taken: PressureStep[] = [];
    for (let step = 0; step < 2; step++) taken.push(nextStep({ ...counters, taken }));
    expect(taken).toEqual(["drop-caches", "shrink-arenas"]);
    expect(nextStep({ ...counters, taken })).toBe("halve-pages");
    expect(nextStep({ ...counters, inFlight: 1, taken })).toBe("fail");
  });

  it("leaves out what would bring nothing", () => {
    expect(nextStep({ droppableBytes: 0, arenaSlackBytes: 2 ** 22, inFlight: 1, taken: [] })).toBe("shrink-arenas");
    expect(nextStep({ droppableBytes: 0, arenaSlackBytes: 1000, inFlight: 2, taken: [] })).toBe("halve-pages");
    expect(nextStep({ droppableBytes: 0, arenaSlackBytes: 0, inFlight: 1, taken: [] })).toBe("fail");
  });
});

describe("halvedLimit", () => {
  it.each([
    [4, 2],
    [3, 1],
    [2, 1],
    [1, 1],
  ])("of %i is %i", (inFlight, limit) => expect(halvedLimit(inFlight)).toBe(limit));
});
