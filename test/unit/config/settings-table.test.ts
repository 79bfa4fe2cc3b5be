/** The settings of a batch, row by row: type, default, rule. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  BATCH_CONFIG_KEYS,
  parseBatchConfig,
  SETTINGS,
  type BatchConfig,
  type BatchConfigInput,
} from "../../../src/config/batch-config.js";
import { configFileJsonSchema, ConfigurationHandler } from "../../../src/config/configuration-handler.js";
import { archiveName } from "../../../src/config/output-archive.js";

const root = mkdtempSync(join(tmpdir(), "cobra-config-table-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const base = { inputDir: "in", outputDir: "out" };
const parse = (more: Readonly<Record<string, unknown>>): BatchConfig =>
  parseBatchConfig({ ...base, ...more } as BatchConfigInput).config;

const TABLE: readonly {
  key: keyof BatchConfig;
  default: unknown;
  good: readonly unknown[];
  bad: readonly [value: unknown, fault: string][];
}[] = [
  {
    key: "referenceImages",
    default: [],
    good: [["a.png", "folder"]],
    bad: [
      ["a.png", "must be a list of paths"],
      [[""], "must not be empty"],
      [[4], "must be a path"],
    ],
  },
  {
    key: "style",
    default: "line + shadow",
    good: ["line", "line + shadow"],
    bad: [
      ["shadow", 'must be "line" or "line . shadow"'],
      [1, "must be"],
    ],
  },
  {
    key: "seed",
    default: 0,
    good: [0, 7, 2 ** 40],
    bad: [
      [-1, "must be a whole number of 0 or more"],
      [0.5, "whole number"],
      ["7", "whole number"],
      [Number.NaN, "whole number"],
    ],
  },
  {
    key: "numInferenceSteps",
    default: 10,
    good: [1, 100, 999],
    bad: [
      [0, "must be a whole number from 1 to 999"],
      [1.5, "whole number"],
      [1000, "must be a whole number from 1 to 999, since models"],
    ],
  },
  {
    key: "topK",
    default: 3,
    good: [1, 50],
    bad: [
      [0, "must be a whole number of 1 or more"],
      [null, "whole number"],
    ],
  },
  { key: "recolor", default: undefined, good: [true, false], bad: [["yes", "must be true or false"]] },
  {
    key: "recursive",
    default: false,
    good: [true],
    bad: [
      ["yes", "must be true or false"],
      [1, "must be true or false"],
    ],
  },
  { key: "overwrite", default: false, good: [true], bad: [["true", "must be true or false"]] },
  { key: "previewMode", default: false, good: [true], bad: [[0, "must be true or false"]] },
  {
    key: "maxConcurrent",
    default: undefined,
    good: [1, 16],
    bad: [
      [0, "must be a whole number of 1 or more"],
      [-2, "whole number"],
    ],
  },
  { key: "preserveStructure", default: true, good: [false], bad: [["", "must be true or false"]] },
];

describe.each(TABLE)("$key", ({ key, default: value, good, bad }) => {
  it("has its default", () => {
    expect(parse({})[key]).toEqual(value);
  });

  it("takes what the rule allows, as it is", () => {
    for (const one of good) expect(parse({ [key]: one })[key]).toEqual(one);
  });

  it("refuses the rest with the key, the value and the rule, and replaces nothing silently: not like it", () => {
    for (const [one, fault] of bad) {
      expect(() => parse({ [key]: one })).toThrowError(expect.objectContaining({ code: "ERR_CONFIG" }));
      expect(() => parse({ [key]: one })).toThrow(new RegExp(`^${key}\\b.*${fault}.*, not `));
    }
  });

  it("is read in snake_case too, and checked in a file with its path as it stands there", () => {
    const handler = new ConfigurationHandler();
    const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    for (const one of good) expect(handler.validateConfig({ default: { [snake]: one } })).toEqual([]);
    for (const [one] of bad)
      expect(handler.validateConfig({ default: { [snake]: one } })[0]?.message).toMatch(
        new RegExp(`^default\\.${snake}\\b`),
      );
  });
});

describe("inputDir, inputZip, outputDir, outputZip", () => {
  it("are exactly one and exactly one", () => {
    expect(parseBatchConfig({ inputZip: "a.cbz", outputDir: "o" }).config).toMatchObject({
      inputZip: "a.cbz",
      outputDir: "o",
    });
    expect(() => parseBatchConfig({})).toThrow(
      /exactly one of inputDir and inputZip.*neither.*\n.*exactly one of outputDir and outputZip.*neither/s,
    );
    expect(() => parse({ inputZip: "b.cbz", outputZip: "c.cbz" })).toThrow(
      /both are given \(in and b\.cbz\).*\n.*both are given \(out and c\.cbz\)/s,
    );
  });
});

describe("numInferenceSteps and topK", () => {
  it("warn above 100 and above 50, and not at them", () => {
    expect(parseBatchConfig({ ...base, numInferenceSteps: 100, topK: 50 }).warnings).toEqual([]);
    expect(parseBatchConfig({ ...base, numInferenceSteps: 101, topK: 51 }).warnings).toEqual([
      expect.stringContaining("101"),
      expect.stringContaining("51"),
    ]);
  });
});

describe("zipOutputName", () => {
  const zipOf = (settings: BatchConfigInput): string | undefined =>
    parseBatchConfig({ inputDir: "in", ...settings }).config.outputZip;

  it("defaults to <output dir name>_colorized.zip where the archive's folder is given", () => {
    mkdirSync(join(root, "chapter"));
    expect(zipOf({ outputZip: join(root, "chapter") })).toBe(join(root, "chapter", "chapter_colorized.zip"));
    expect(zipOf({ outputZip: "not/there/" })).toBe(join("not/there", "there_colorized.zip"));
  });

  it("has one .zip at its end, not like it (there: .zip.zip)", () => {
    expect(["a", "a.zip", "a.zip.zip", "a.ZIP", "a.cbz", "v1.2"].map(archiveName)).toEqual([
      "a.zip",
      "a.zip",
      "a.zip",
      "a.zip",
      "a.cbz",
      "v1.2.zip",
    ]);
    expect(zipOf({ outputZip: "out/", zipOutputName: "done.zip" })).toBe(join("out", "done.zip"));
    expect(zipOf({ outputZip: "archive.zip/" })).toBe(join("archive.zip", "archive_colorized.zip"));
  });

  it("makes an archive in outputDir where it is given beside it", () => {
    expect(parse({ zipOutputName: "done" })).toMatchObject({ outputZip: join("out", "done.zip") });
    expect(parse({ zipOutputName: "done" }).outputDir).toBeUndefined();
  });

  it("is told to be of no use where outputZip names the archive; a file of that name is no folder for one", () => {
    writeFileSync(join(root, "there.cbz"), "");
    const { config, warnings } = parseBatchConfig({
      inputDir: "in",
      outputZip: join(root, "there.cbz"),
      zipOutputName: "x",
    });
    expect(config.outputZip).toBe(join(root, "there.cbz"));
    expect(warnings).toEqual([expect.stringContaining("is not used")]);
  });

  it.each(["a/b.zip", "..", ".", "", "a\\b"])("refuses %j, which is no file name", (zipOutputName) => {
    expect(() => parse({ zipOutputName })).toThrow(/^zipOutputName: must be a file name without a folder, not /);
  });
});

describe("all keys", () => {
  it("are those that programs rely on and later ones, each with a description for --help and the JSON Schema", () => {
    expect(BATCH_CONFIG_KEYS).toEqual(
      expect.arrayContaining([
        "inputDir",
        "inputZip",
        "outputDir",
        "outputZip",
        "zipOutputName",
        ...TABLE.map(({ key }) => key),
      ]),
    );
    for (const key of BATCH_CONFIG_KEYS) expect(SETTINGS[key as keyof BatchConfig].help, key).not.toBe("");
    const { properties } = configFileJsonSchema() as {
      properties: { default: { properties: Record<string, { description?: string; default?: unknown }> } };
    };
    for (const key of BATCH_CONFIG_KEYS)
      expect(properties.default.properties[key], key).toMatchObject({ description: expect.any(String) as string });
    expect(properties.default.properties["topK"]).toMatchObject({ type: "integer", minimum: 1, default: 3 });
  });

  it("unknown ones are errors with the nearest known key", () => {
    expect(() => parse({ numInferenceStep: 4, topk: 1, zzz: 1 })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /numInferenceStep: unknown setting\n[^]*topk: unknown setting\n[^]*zzz: unknown setting; the settings are /,
        ) as string,
        remedy: "write numInferenceSteps in place of numInferenceStep; write topK in place of topk",
      }),
    );
  });
});
