// Which page is held responsible for the end of a process: the rules, over counters alone.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addExit,
  crashPolicyOf,
  type ProcessExit,
  type ExitCounts,
  type CrashPolicy,
} from "../../../../src/core/journal/crash-evidence.js";
import { markText, stageInMark } from "../../../../src/core/journal/crash-marks.js";
import { exitCauseOf } from "../../../../src/core/journal/exit-cause.js";
import { newLeaseRecord } from "../../../../src/core/journal/lease-record.js";

const after = (...exits: readonly ProcessExit[]): CrashPolicy =>
  crashPolicyOf(exits.reduce<ExitCounts | undefined>(addExit, undefined));
const death = (cause: ProcessExit["cause"], alone: boolean, stage: ProcessExit["stage"] = "denoise"): ProcessExit => ({
  cause,
  alone,
  stage,
});
const times = (count: number, one: ProcessExit): ProcessExit[] => Array.from({ length: count }, () => one);
const oom = (alone: boolean): ProcessExit => death("out-of-memory", alone);
const perhaps = death("perhaps-out-of-memory", true);
const quarantined = (exits: number): CrashPolicy => ({
  kind: "quarantined",
  cause: "out-of-memory",
  exits,
  stage: "denoise",
});
const ALONE: CrashPolicy = { kind: "alone", leastMemory: false };
const LEAST: CrashPolicy = { kind: "alone", leastMemory: true };

describe("a page after crashes", () => {
  it.each([
    ["none", [], { kind: "normal" }],
    ["one beside others", [death("crash", false)], ALONE],
    ["one alone", [death("crash", true)], ALONE],
    ["two, never alone: another page may be at fault", times(2, death("crash", false)), ALONE],
    [
      "two, the last one alone",
      [death("crash", false), death("crash", true, "decode")],
      { kind: "quarantined", cause: "crash", exits: 2, stage: "decode" },
    ],
    ["one, and a kill alone", [death("crash", false), death("unknown", true)], ALONE],
  ] as [string, ProcessExit[], CrashPolicy][])("(%s)", (_what, exits, expected) => {
    expect(after(...exits)).toEqual(expected);
  });
});

describe("a page after out-of-memory kills", () => {
  it.each([
    ["one beside others", [oom(false)], LEAST],
    ["one alone: not yet with the least memory", [oom(true)], LEAST],
    ["two, the second with the least memory: a process beside it may have been meant", times(2, oom(true)), LEAST],
    ["three, the last two with the least memory", times(3, oom(true)), quarantined(3)],
    [
      "two with the least memory, and kills between",
      [...times(2, oom(true)), death("unknown", true), oom(true)],
      quarantined(3),
    ],
    ["five of which none is certain", times(5, perhaps), LEAST],
    ["six of which none is certain, five of them with the least memory", times(6, perhaps), quarantined(6)],
    [
      "four that are not certain with the least memory, and one that is",
      [...times(5, perhaps), oom(true)],
      quarantined(6),
    ],
    ["two beside others, as one may be of another process", times(2, oom(false)), LEAST],
    ["one, and then a kill", [oom(true), death("unknown", true)], LEAST],
  ] as [string, ProcessExit[], CrashPolicy][])("(%s)", (_what, exits, expected) => {
    expect(after(...exits)).toEqual(expected);
  });
});

describe("a page after ends without evidence", () => {
  it("is done as usual twice, then alone, and is quarantined after five alone in one stage", () => {
    expect(after(...times(2, death("unknown", false)))).toEqual({ kind: "normal" });
    expect(after(...times(50, death("unknown", false)))).toEqual(ALONE);
    const alone = [...times(3, death("unknown", false)), ...times(4, death("unknown", true))];
    expect(after(...alone)).toEqual(ALONE);
    expect(after(...alone, death("unknown", true))).toEqual({
      kind: "quarantined",
      cause: "unknown",
      exits: 8,
      stage: "denoise",
    });
    expect(after(...alone, death("unknown", true, "decode"))).toEqual(ALONE);
    // Alone by chance from the start, as the page of a preview is: five of them come after the three just the same.
    expect(after(...times(7, death("unknown", true)))).toEqual(ALONE);
    expect(after(...times(8, death("unknown", true)))).toMatchObject({ kind: "quarantined", exits: 8 });
    expect(after(...alone, death("unknown", false), death("unknown", true))).toEqual(ALONE);
  });

  it("is never quarantined while no five in a row are alone in one stage", () => {
    const kill = fc.record<ProcessExit>({
      cause: fc.constant("unknown"),
      alone: fc.boolean(),
      stage: fc.constantFrom("decode", "denoise", "encode"),
    });
    fc.assert(
      fc.property(fc.array(kill, { maxLength: 40 }), (kills) => {
        const runs = kills.map((one, index) => {
          const five = kills.slice(Math.max(0, index - 4), index + 1);
          return five.length === 5 && five.every(({ alone, stage }) => alone && stage === one.stage);
        });
        if (!runs.at(-1)) expect(after(...kills).kind).not.toBe("quarantined");
      }),
      { seed: 13 },
    );
  });
});

describe("why a process has ended", () => {
  const holder = newLeaseRecord();
  const leaseWith = (group: string, machine: string, more = {}) => ({
    ...holder,
    oomGroup: "7",
    oomKillsInGroup: group,
    oomKillsOnMachine: machine,
    ...more,
  });
  const note = { signal: "SIGSEGV", marks: [{ text: "x" }] };
  const kills = { group: 3, groupId: "7", machine: 9 };
  it.each([
    ["a crash note", leaseWith("3", "9"), [note], kills, "crash"],
    ["a note of a signal that somebody else sent", leaseWith("3", "9"), [{ ...note, sender: 4 }], kills, "unknown"],
    ["a kill in the group since the last heartbeat", leaseWith("2", "8"), [], kills, "out-of-memory"],
    ["a kill on the machine, but not in the group", leaseWith("3", "8"), [], kills, "unknown"],
    [
      "a kill on the machine, seen from another group",
      leaseWith("3", "8", { oomGroup: "8" }),
      [],
      kills,
      perhaps.cause,
    ],
    ["more kills in another group", leaseWith("0", "9", { oomGroup: "8" }), [], kills, "unknown"],
    [
      "a kill on the machine, of a lease without a group",
      leaseWith("", "8", { oomGroup: "" }),
      [],
      kills,
      perhaps.cause,
    ],
    [
      "a note of an abort at the limit of memory",
      leaseWith("3", "9"),
      [{ ...note, memory: true }],
      kills,
      "out-of-memory",
    ],
    ["a kill on another machine", leaseWith("2", "8", { boot: "b" }), [], kills, "unknown"],
    [
      "counts that nobody knows",
      leaseWith("", ""),
      [],
      { group: undefined, groupId: undefined, machine: undefined },
      "unknown",
    ],
    ["a torn lease", undefined, [], kills, "unknown"],
  ] as const)("(%s)", (_what, lease, notes, now, expected) => {
    expect(exitCauseOf(lease, notes, now).cause).toBe(expected);
  });
});

describe("a mark in a crash note", () => {
  it("tells the stage of its page, also where a long name was cut off", () => {
    const page = { page: `${"long ".repeat(300)}.png`, fingerprint: "f" };
    const text = markText(page, "denoise");
    expect(stageInMark(text.slice(0, 900), page)).toBe("denoise");
    expect([stageInMark(text, { ...page, fingerprint: "g" }), stageInMark("rubbish", page)]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
