/**
 * Every error class, raised by the real part that raises it: with a stable code, a message, a cause
 * where there is one.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InferenceSession } from "../../src/binding/index.js";
import { pageFailure } from "../../src/colorization/request/page-failure.js";
import { messageOf } from "../../src/errors.js";
import { ERROR_CLASSES, makeError } from "../../src/errors/classes.js";
import * as api from "../../src/index.js";
import { openFolderSink } from "../../src/io/open-sink.js";
import { openPageSource } from "../../src/io/open-source.js";
import { problemOf } from "../../src/ui/web/jobs/problem.js";
import { errorFromData, errorToData } from "../../src/workers/error-transfer.js";

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
    says: /is ended$/,
    raise: async () => {
      const sink = await openFolderSink(join(root, "out"));
      await sink.abort();
      await sink.write("a.png", new Uint8Array());
    },
  },
  ImageProcessingError: {
    code: "ERR_IMAGE_DECODE",
    says: /^file cannot be decoded: /,
    raise: () => new api.ImageClassifier().classify(Buffer.from("\x89PNG\r\n\x1a\n cut", "latin1"), "file"),
    more: { imagePath: "file", cause: expect.any(Error), remedy: "replace the file or leave it out" },
  },
  ConfigurationError: {
    code: "ERR_CONFIG",
    says: /^topK: must be a whole number of 1 or more, not 0$/,
    raise: () => api.parseBatchConfig({ inputDir: "a", outputDir: "b", topK: 0 }),
  },
  ResourceError: {
    code: "ERR_OUTPUT_WRITE",
    says: /cannot write .*a file, not a folder$/,
    raise: () => openFolderSink(join(root, "file", "out")),
    more: { cause: expect.any(Error), remedy: "choose another output" },
  },
  QueueError: {
    code: "ERR_ARGUMENT",
    says: /priority/,
    raise: () => new api.ImageQueue().enqueue({ inputPath: "a", outputPath: "b", priority: Number.NaN }),
  },
  ValidationError: {
    code: "ERR_INPUT_NOT_FOUND",
    says: /^cannot read .*nowhere: there is no such file or folder$/,
    raise: () => openPageSource(join(root, "nowhere")),
    more: { cause: expect.any(Error), remedy: "check the path" },
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
    says: /is not a model package: /,
    raise: () => api.openModelPackage(join(root, "nowhere")),
    more: { cause: expect.any(Error), remedy: expect.stringContaining("name the folder that holds") },
  },
  InferenceError: {
    code: "ERR_SESSION_CREATE",
    says: /./,
    raise: () => InferenceSession.create(Buffer.from("no model")),
  },
};

describe.each(Object.entries(RAISED))("%s", (name, { code, says, raise, more }) => {
  it("is raised as documented", async () => {
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

/** The text of all sources but the tables' own, and the web page's: its own codes never leave the browser. */
async function sources(): Promise<string> {
  const folders = ["../../src", "../../native"].map((folder) => fileURLToPath(new URL(folder, import.meta.url)));
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(folder, { recursive: true }))
        .filter((file) => /\.(?:ts|cc|h)$/.test(file) && !/errors\/codes\/|^ui\/web\/page\//.test(file))
        .map((file) => readFile(join(folder, file), "utf8")),
    ),
  );
  return (await Promise.all(files.flat())).join("\n");
}

/** Codes of Node's own errors that the sources name. */
const CODES_OF_NODE = [
  "ERR_ACCESS_DENIED",
  "ERR_BUFFER_TOO_LARGE",
  "ERR_HTTP_REQUEST_TIMEOUT",
  "ERR_MEMORY_ALLOCATION_FAILED",
  "ERR_WORKER_INIT_FAILED",
  "ERR_WORKER_OUT_OF_MEMORY",
];

describe("the table of codes", () => {
  it("has every code that is raised and no other", async () => {
    const named = new Set([...(await sources()).matchAll(/"(ERR_[A-Z_]+)"/g)].map(([, code]) => code!));
    for (const code of CODES_OF_NODE) named.delete(code);
    expect([...named].sort()).toEqual(Object.keys(api.ERROR_TABLE).sort());
  });

  it.each(Object.entries(api.ERROR_TABLE))("%s has facts that agree", (code, facts) => {
    expect(facts.when).toMatch(/^[a-zA-Z].*[^.]$/);
    expect(facts.remedy).toMatch(/^[a-z].*[^.]$/);
    expect(facts.exitCode === 75).toBe(facts.retryable === "yes");
    if (facts.retryable === "yes") expect(api.isRetryable(makeError(code as api.ErrorCode, "x"))).toBe(true);
  });

  it("tells from the cause whether a write may succeed later", () => {
    const failed = (code: string) =>
      new api.ResourceError("ERR_OUTPUT_WRITE", "x", { cause: Object.assign(new Error(code), { code }) });
    expect(api.isRetryable(failed("ENOSPC"))).toBe(true);
    expect(api.isRetryable(failed("EEXIST"))).toBe(false);
    expect(api.isRetryable(new api.ResourceError("ERR_OUTPUT_WRITE", "x"))).toBe(false);
    expect(api.isRetryable(new Error("x"))).toBe(false);
  });

  it("has errors of the class that it names", () => {
    for (const [code, { className }] of Object.entries(api.ERROR_TABLE)) {
      const error = makeError(code as api.ErrorCode, "x");
      expect([error.name, error.code, error.constructor]).toEqual([className, code, ERROR_CLASSES[className]]);
    }
  });
});

/**
 * Speaks of flags, commands, variables or what a person at a terminal does next. A flag that holds the value may lead.
 */
const OF_THE_COMMAND =
  /(?<!^)(?:[\s`(]--[a-z])|\bcobra-batch [a-z]|\bthe same command\b|\brun again\b|\banother (?:output|disk)\b|\bulimit\b|\bCOBRA_[A-Z]/u;

/** The messages of errors that a file makes: the second argument, as it is written. */
function messagesIn(text: string): string[] {
  return [...text.matchAll(/Error\(\s*"ERR_[A-Z_]+",\s*(["`])/gu)].map((match) => {
    const begin = match.index + match[0].length;
    let end = begin;
    let depth = 0;
    while (depth > 0 || text[end] !== match[1]) {
      if (text[end] === "\\") end++;
      else if (text.startsWith("${", end)) depth++;
      else if (depth > 0 && text[end] === "}") depth--;
      end++;
    }
    return text.slice(begin, end).replaceAll("\\`", "`");
  });
}

describe("a message says what happened", () => {
  it("and leaves advice for the command to the remedy, wherever a server or a program may meet it", async () => {
    const folder = fileURLToPath(new URL("../../src", import.meta.url));
    // The others are parts of the command.
    const rooms = [
      "binding",
      "classification",
      "colorization",
      "core",
      "farm/queue",
      "farm/store",
      "io",
      "memory",
    ].concat(["model", "platform", "workers", "config", "errors", "ui/web/jobs", "ui/web/server", "ui/web/farm"]);
    const isShared = (file: string): boolean => rooms.some((room) => file.startsWith(`${room}/`));
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".ts") && isShared(file));
    const found: string[] = [];
    let count = 0;
    for (const file of files)
      for (const message of messagesIn(await readFile(join(folder, file), "utf8"))) {
        count++;
        if (OF_THE_COMMAND.test(message)) found.push(`${file}: ${message}`);
      }
    expect(count).toBeGreaterThan(200);
    expect(found).toEqual([]);
  });

  it("has its remedy beside it: its own, or the table's", () => {
    const plain = new api.ResourceError("ERR_OUTPUT_WRITE", "cannot write x");
    expect(plain.remedy).toBe(api.ERROR_TABLE.ERR_OUTPUT_WRITE.remedy);
    expect(messageOf(plain)).toBe("cannot write x");
    const own = new api.ResourceError("ERR_OUTPUT_WRITE", "cannot write x", { remedy: "choose another output" });
    expect(own).toMatchObject({ message: "cannot write x", remedy: "choose another output" });
    expect(messageOf(own)).toBe("cannot write x; choose another output");
    expect(errorFromData(structuredClone(errorToData(own)))).toMatchObject({
      remedy: own.remedy,
      message: own.message,
    });
    expect(problemOf(own).detail).toBe("cannot write x");
    expect(pageFailure("p", "write", own)).toMatchObject({ message: own.message, remedy: own.remedy });
  });
});
