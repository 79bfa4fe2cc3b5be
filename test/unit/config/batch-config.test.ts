import { describe, expect, it } from "vitest";
import { BATCH_CONFIG_KEYS, parseBatchConfig, type BatchConfigInput } from "../../../src/config/batch-config.js";
import { nearestName } from "../../../src/config/nearest-name.js";

const base = { inputDir: "in", outputDir: "out" };

describe("parseBatchConfig", () => {
  it("fills in the defaults of the contract", () => {
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
        "numInferenceStep: unknown setting; did you mean numInferenceSteps?",
      ])
        expect(text).toContain(part);
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

  it("suggests only what is near", () => {
    expect(nearestName("TopK", BATCH_CONFIG_KEYS)).toBe("topK");
    expect(nearestName("zzzzzzzz", BATCH_CONFIG_KEYS)).toBeUndefined();
  });
});
