/**
 * Every error class of the contract, raised by the real part that raises it: with a stable code, a message, a cause
 * where there is one.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InferenceSession } from "../../src/binding/index.js";
import * as api from "../../src/index.js";
import { openFolderSink } from "../../src/io/open-sink.js";
import { openPageSource } from "../../src/io/open-source.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-errors-"));
  await writeFile(join(root, "file"), "text");
  await writeFile(join(root, "fake.zip"), "no archive");
});
afterAll(() => rm(root, { recursive: true, force: true }));

const RAISED: Readonly<
  Record<string, { code: api.ErrorCode; says: RegExp; raise: () => unknown; more?: Readonly<Record<string, unknown>> }>
> = {
  BatchProcessingError: {
    code: "ERR_STATE",
    says: /is ended; write "a\.png" before finish/,
    raise: async () => {
      const sink = await openFolderSink(join(root, "out"));
      await sink.abort();
      await sink.write("a.png", new Uint8Array());
    },
  },
  ImageProcessingError: {
    code: "ERR_IMAGE_DECODE",
    says: /^file cannot be decoded: .*Replace the file or leave it out$/,
    raise: () => new api.ImageClassifier().classify(Buffer.from("\x89PNG\r\n\x1a\n cut", "latin1"), "file"),
    more: { imagePath: "file", cause: expect.any(Error) },
  },
  ConfigurationError: {
    code: "ERR_CONFIG",
    says: /^topK: must be a whole number of 1 or more, not 0$/,
    raise: () => api.parseBatchConfig({ inputDir: "a", outputDir: "b", topK: 0 }),
  },
  ResourceError: {
    code: "ERR_OUTPUT_WRITE",
    says: /cannot write .*a file, not a folder; choose another output$/,
    raise: () => openFolderSink(join(root, "file", "out")),
    more: { cause: expect.any(Error) },
  },
  QueueError: {
    code: "ERR_ARGUMENT",
    says: /priority/,
    raise: () => new api.ImageQueue().enqueue({ inputPath: "a", outputPath: "b", priority: Number.NaN }),
  },
  ValidationError: {
    code: "ERR_INPUT_NOT_FOUND",
    says: /^cannot read .*nowhere: there is no such file or folder; check the path$/,
    raise: () => openPageSource(join(root, "nowhere")),
    more: { cause: expect.any(Error) },
  },
  ZipExtractionError: {
    code: "ERR_ZIP_FORMAT",
    says: /fake\.zip/,
    raise: () => openPageSource(join(root, "fake.zip")),
  },
  ClassificationError: {
    code: "ERR_CLASSIFICATION",
    says: /channels/,
    raise: () =>
      new api.ImageClassifier().classify({ width: 1, height: 1, channels: 3, data: new Uint8Array(3), mode: "cmyk" }),
  },
  ModelError: {
    code: "ERR_MODEL_NOT_FOUND",
    says: /is not a model package: .*; name the folder that holds/,
    raise: () => api.openModelPackage(join(root, "nowhere")),
    more: { cause: expect.any(Error) },
  },
  InferenceError: {
    code: "ERR_SESSION_CREATE",
    says: /./,
    raise: () => InferenceSession.create(Buffer.from("no model")),
  },
};

describe.each(Object.entries(RAISED))("%s", (name, { code, says, raise, more }) => {
  it("is raised as its page of the contract says", async () => {
    const error = await (async () => raise())().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(api.BatchProcessingError);
    expect((error as Error).constructor).toBe((api as unknown as Record<string, unknown>)[name]);
    expect(error).toMatchObject({ name, code, message: expect.stringMatching(says) as string, ...more });
    expect(api.ERROR_CODES).toHaveProperty(code);
  });
});

describe("the table of codes", () => {
  it("has no code that nothing raises", async () => {
    const folders = ["../../src", "../../native"].map((folder) => fileURLToPath(new URL(folder, import.meta.url)));
    const files = (
      await Promise.all(
        folders.map(async (folder) =>
          (await readdir(folder, { recursive: true }))
            .filter((file) => /\.(?:ts|cc|h)$/.test(file) && file !== "errors.ts")
            .map((file) => join(folder, file)),
        ),
      )
    ).flat();
    const sources = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
    expect(Object.keys(api.ERROR_CODES).filter((code) => !sources.includes(`"${code}"`))).toEqual([]);
  });
});
