/** Which knobs a machine has, and what settings become. */
import { describe, expect, it } from "vitest";
import { ConfigurationHandler } from "../../../src/config/configuration-handler.js";
import { engineOptionsOf } from "../../../src/colorization/options-of-settings.js";
import { configFileOf, engineSettingsOf, settingId } from "../../../src/tune/setting.js";
import { spread } from "../../../src/tune/measure/pages.js";
import { allSettings, knobsOf, oneKnobSettings, type MachineFacts } from "../../../src/tune/space.js";

const GIB = 2 ** 30;
const facts: MachineFacts = {
  cores: 4,
  availableBytes: 64 * GIB,
  gpus: 0,
  defaultPeakBytes: GIB,
  otherModels: [],
  storage: "archive",
};
const valuesOf = (knobs: ReturnType<typeof knobsOf>): Record<string, readonly unknown[]> =>
  Object.fromEntries(knobs.map(({ name, values }) => [name, values]));

describe("the space", () => {
  it("has the knobs of a processor, and values that its cores allow", () => {
    expect(valuesOf(knobsOf({}, facts))).toEqual({
      maxConcurrent: [1, 2, 3, 4],
      threads: [1, 2],
      lanes: [2, 4],
      workers: [1, 2, 8],
      spinning: ["on"],
      maxBatch: [2],
      referenceCacheBytes: [0],
      compressionLevel: [1, 3],
      storage: ["folder"],
    });
  });

  it("has no values that memory does not allow", () => {
    const tight = valuesOf(knobsOf({}, { ...facts, defaultPeakBytes: 50 * GIB }));
    expect(tight["maxConcurrent"]).toEqual([1, 2, 3]);
    expect(tight["lanes"]).toBeUndefined();
  });

  it("has the knobs of GPUs where the networks run there", () => {
    const gpu = valuesOf(knobsOf({ provider: "cuda" }, { ...facts, gpus: 4, otherModels: ["cobra@1-fp16"] }));
    expect(gpu).toMatchObject({
      devices: [1, 2, 4],
      maxBatch: [1, 2, 4, 8],
      convSearch: ["EXHAUSTIVE", "DEFAULT"],
      model: ["cobra@1-fp16"],
    });
    for (const name of ["threads", "lanes", "spinning"]) expect(gpu[name]).toBeUndefined();
  });

  it("always holds the defaults", () => {
    const knobs = knobsOf({}, { ...facts, cores: 1 });
    expect(allSettings(knobs)).toContainEqual({});
    expect(new Set(allSettings(knobs).map(settingId)).size).toBe(
      knobs.reduce((product, { values }) => product * (values.length + 1), 1),
    );
    expect(oneKnobSettings(knobs).every((setting) => Object.keys(setting).length === 1)).toBe(true);
  });
});

describe("pages of a long input", () => {
  it("are spread evenly, with the first and the last; a short one is taken whole", () => {
    const names = Array.from({ length: 2000 }, (_, index) => index);
    const taken = spread(names, 12);
    expect(taken).toHaveLength(12);
    expect([taken[0], taken.at(-1)]).toEqual([0, 1999]);
    const gaps = taken.slice(1).map((page, index) => page - taken[index]!);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
    expect(spread([1, 2, 3], 12)).toEqual([1, 2, 3]);
  });
});

describe("a setting", () => {
  it("becomes a configuration file that is valid, and engine options", () => {
    const setting = {
      maxConcurrent: 3,
      lanes: 2,
      threads: 1,
      workers: 2,
      spinning: "on",
      referenceCacheBytes: 0,
    } as const;
    const file = configFileOf(setting, { model: "cobra" });
    expect(new ConfigurationHandler().validateConfig(file)).toEqual([]);
    expect(file["default"]).toEqual({ maxConcurrent: 3 });
    expect(engineOptionsOf(engineSettingsOf(setting, { model: "cobra" }))).toEqual({
      model: "cobra",
      devices: ["cpu", "cpu:1"],
      workers: 2,
      referenceCacheBytes: 0,
      session: {
        provider: "cpu",
        fallback: false,
        intraOpThreads: 1,
        config: { "session.intra_op.allow_spinning": "1" },
      },
    });
  });

  it("has an id that says what differs from the defaults", () => {
    expect(settingId({})).toBe("defaults");
    expect(settingId({ workers: 2, lanes: 1 })).toBe(settingId({ lanes: 1, workers: 2 }));
    expect(settingId({ lanes: 2, workers: 1 })).toBe("lanes=2 workers=1");
  });
});
