import { describe, expect, it } from "vitest";
import {
  BATCH_CONFIG_KEYS,
  configError,
  parseBatchConfig,
  type BatchConfigInput,
} from "../../../src/config/batch-config.js";
import { settingFromText } from "../../../src/config/setting-text.js";
import { nearestName } from "../../../src/config/nearest-name.js";
import { remedyFor } from "../../../src/errors.js";

const base = { inputDir: "in", outputDir: "out" };

describe("parseBatchConfig", () => {
  it("fills in the defaults", () => {
    expect(parseBatchConfig(base).config).toEqual({
      inputDir: "in",
      outputDir: "out",
      referenceImages: [],
      style: "line + shadow",
      seed: 0,
      numInferenceSteps: 10,
      topK: 3,
      previewMode: false,
      previewPages: 1,
      previewSeeds: 1,
      classifier: "calibrated",
      lossless: false,
      compressionLevel: 6,
      ink: "page",
      recursive: false,
      overwrite: false,
      preserveStructure: true,
    });
  });

  it("lists all faults at once, each with its value", () => {
    const bad = {
      inputDir: "a",
      inputZip: "b",
      seed: -1,
      topK: 1.5,
      style: "lines",
      numInferenceStep: 4,
    } as unknown as BatchConfigInput;
    expect(() => parseBatchConfig(bad)).toThrowError(expect.objectContaining({ code: "ERR_CONFIG" }));
    try {
      parseBatchConfig(bad);
    } catch (error) {
      const text = (error as Error).message;
      for (const part of [
        "exactly one of inputDir and inputZip",
        "exactly one of outputDir and outputZip",
        "seed",
        "-1",
        "topK",
        "1.5",
        "style",
        '"lines"',
        "numInferenceStep: unknown setting",
      ])
        expect(text).toContain(part);
      expect(error).toMatchObject({ remedy: "write numInferenceSteps in place of numInferenceStep" });
    }
  });

  it("wants exactly one input and one output", () => {
    expect(() => parseBatchConfig({ outputDir: "o" })).toThrow(
      /exactly one of inputDir and inputZip is needed, but neither is given/,
    );
    expect(() => parseBatchConfig({ ...base, outputZip: "o.cbz" })).toThrow(/both are given \(out and o\.cbz\)/);
  });

  it("warns above 100 steps and above top-k 50", () => {
    expect(parseBatchConfig({ ...base, numInferenceSteps: 100, topK: 50 }).warnings).toEqual([]);
    expect(parseBatchConfig({ ...base, numInferenceSteps: 101, topK: 51 }).warnings).toHaveLength(2);
    for (const layers of ["psd", "png"] as const) {
      expect(parseBatchConfig({ ...base, layers }).warnings).toEqual([]);
      expect(parseBatchConfig({ ...base, layers, ink: "model" }).warnings).toEqual([
        expect.stringContaining("no layers"),
      ]);
    }
  });

  it("reads the other names of formats", () => {
    for (const [name, format] of [
      ["jpg", "jpeg"],
      ["tif", "tiff"],
      ["webp", "webp"],
    ] as const)
      expect(parseBatchConfig({ ...base, outputFormat: name }).config.outputFormat).toBe(format);
    expect(() => parseBatchConfig({ ...base, outputFormat: "gif" as "png" })).toThrow(
      /^outputFormat: must be "png" or "jpeg" or "webp" or "tiff" or "avif", not "gif"$/,
    );
  });

  it("names the largest whole number, and the value that was given to the digit", () => {
    expect(parseBatchConfig({ ...base, seed: Number.MAX_SAFE_INTEGER }).config.seed).toBe(9007199254740991);
    const seedOf = (text: string): unknown => settingFromText("seed", text);
    for (const text of ["9007199254740992", "9007199254740993", "99999999999999999999"])
      expect(() => parseBatchConfig({ ...base, seed: seedOf(text) as number })).toThrow(
        `seed: must be a whole number from 0 to 9007199254740991, not ${text}`,
      );
    expect(() => parseBatchConfig({ ...base, seed: 2 ** 60 })).toThrow(
      "seed: must be a whole number from 0 to 9007199254740991",
    );
    for (const text of ["-99999999999999999999", "-1", "x", "1.5"])
      expect(() => parseBatchConfig({ ...base, seed: seedOf(text) as number })).toThrow(
        /^seed: must be a whole number/,
      );
  });

  it("reports faults that were found elsewhere together with its own", () => {
    expect(() =>
      parseBatchConfig({ ...base, topK: 0 }, (key) => `--${key}`, {}, [
        { message: "--drain: is odd", remedy: "make it even" },
      ]),
    ).toThrow("2 settings are wrong:\n  - --drain: is odd\n  - --topK: must be a whole number of 1 or more, not 0");
  });

  it("names a flag that may be repeated without a number", () => {
    const given = { ...base, referenceImages: ["a", ""] };
    expect(() => parseBatchConfig(given)).toThrow(/^referenceImages\.1: must not be empty, not ""$/);
    const flag = (): string => "--reference-dir";
    expect(() => parseBatchConfig(given, flag)).toThrow(/^--reference-dir: must not be empty, not ""$/);
  });

  it("has each fault's remedy once, and the table's where no fault has one", () => {
    const fault = { message: "a", remedy: "leave b out" };
    expect(configError([fault])).toMatchObject({ message: "a", remedy: "leave b out" });
    expect(configError([fault, { message: "c" }, fault, { message: "d", remedy: "leave e out" }])).toMatchObject({
      message: "4 settings are wrong:\n  - a\n  - c\n  - a\n  - d",
      remedy: "leave b out; leave e out",
    });
    expect(configError([{ message: "c" }]).remedy).toBe(remedyFor("ERR_CONFIG"));
  });

  it("suggests only what is near", () => {
    expect(nearestName("TopK", BATCH_CONFIG_KEYS)).toBe("topK");
    expect(nearestName("zzzzzzzz", BATCH_CONFIG_KEYS)).toBeUndefined();
  });
});
