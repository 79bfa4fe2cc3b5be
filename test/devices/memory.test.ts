// Memory in real runs: pages that wait for a small budget, steps that really give memory back, limits of a control
// group.
import { execFile } from "node:child_process";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { InferenceSession } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import type { EngineOptions } from "../../src/colorization/engine-options.js";
import { parseBatchConfig } from "../../src/config/batch-config.js";
import { runBatch } from "../../src/core/run-batch.js";
import type { BatchEvent, BatchSummary } from "../../src/core/events.js";
import { ResourceError } from "../../src/errors.js";
import { setupLogging } from "../../src/logging.js";
import { readHostMemory } from "../../src/platform/host-memory.js";
import { exitCodeOf } from "../../src/ui/cli/output/exit-codes.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { TINY_MODEL } from "../support/shared-models.js";

let root: string;
let outputs = 0;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-memory-"));
  const pages = await Promise.all([1, 2, 3, 4].map((seed) => linePage(seed)));
  await writeFolder(at("in"), Object.fromEntries(pages.map((page, index) => [`p${index + 1}.png`, page])));
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
});
afterEach(() => {
  vi.restoreAllMocks();
  setupLogging({ level: "SILENT" });
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Run {
  summary: BatchSummary;
  /** Most pages in colouring at once. */
  most: number;
  lines: Record<string, unknown>[];
  pictures: Buffer[];
  engine: Engine;
}

async function run(
  options: Partial<EngineOptions> = {},
  before: (engine: Engine) => void = () => undefined,
  settings: { maxConcurrent?: number; topK?: number } = { maxConcurrent: 3 },
): Promise<Run> {
  const lines: Record<string, unknown>[] = [];
  setupLogging({
    level: "DEBUG",
    stream: { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    format: "json",
  });
  const engine = await Engine.open({ model: TINY_MODEL, ...options });
  try {
    before(engine);
    const outputDir = at(`out-${outputs++}`);
    const { config } = parseBatchConfig({
      inputDir: at("in"),
      outputDir,
      referenceImages: [at("refs")],
      numInferenceSteps: 2,
      ...settings,
    });
    let most = 0;
    const onEvent = (event: BatchEvent): void =>
      void (event.type === "page-stage" && (most = Math.max(most, engine.memory.pages().inFlight)));
    const summary = await runBatch(engine, config, { onEvent });
    const pictures = await Promise.all(
      [1, 2, 3, 4].map((page) => readFile(join(outputDir, `p${page}_colorized.png`)).catch(() => Buffer.alloc(0))),
    );
    return { summary, most, lines, pictures, engine };
  } finally {
    await engine.close();
  }
}

const stepsOf = (lines: Run["lines"]): unknown[] =>
  lines.filter((line) => line["step"] !== undefined).map((line) => line["step"]);

/** Lets runs of the networks fail for want of memory, those that `fails` says. */
function failRuns(fails: (index: number) => boolean): void {
  const real = InferenceSession.prototype.run;
  let runs = 0;
  vi.spyOn(InferenceSession.prototype, "run").mockImplementation(function (this: InferenceSession, ...args) {
    // The smallest runs are those that shrink the arenas.
    const isSmallest = Object.values(args[0]).some(
      ({ dims }) => dims.length === 4 && (dims[2] === 4 || dims[2] === 16 || dims[2] === 32) && dims[2] === dims[3],
    );
    if (!isSmallest && fails(runs++)) return Promise.reject(new ResourceError("ERR_OUT_OF_MEMORY", "no room"));
    return real.apply(this, args);
  });
}

describe("pages in flight", () => {
  it("are as many as asked for where memory is plenty, and every booking of a page and of references is given back", async () => {
    const { most, summary, engine } = await run();
    expect([summary.completed, most]).toEqual([4, 3]);
    const { owners, freeBytes, reservedBytes, heldBytes, totalBytes } = engine.memory.ledger.snapshot();
    expect(Object.keys(owners).sort()).toEqual(["activations", "model", "process"]);
    expect(freeBytes + reservedBytes + heldBytes).toBe(totalBytes);
  });

  it("are one at a time within a small budget, with the same pictures", async () => {
    const plenty = await run();
    const scarce = await run({ memoryBudgetBytes: readHostMemory().processBytes + 2 ** 20 });
    expect([scarce.summary.completed, scarce.most]).toEqual([4, 1]);
    scarce.pictures.forEach((picture, page) => expect(picture.equals(plenty.pictures[page]!)).toBe(true));
  });

  it("are chosen from memory and cores where nobody names a number", async () => {
    const { lines } = await run({}, undefined, {});
    expect(lines.find((line) => line["msg"] === "batch started")!["maxConcurrent"]).toBeGreaterThanOrEqual(2);
    const scarce = await run({ memoryBudgetBytes: readHostMemory().processBytes + 2 ** 20 }, undefined, {});
    expect(scarce.lines.find((line) => line["msg"] === "batch started")!["maxConcurrent"]).toBe(1);
  });
});

describe("running out of memory", () => {
  it("drops caches, then really shrinks arenas, and goes on with the same pictures; each step is logged with its page", async () => {
    const plenty = await run();
    let shrunk = 0;
    const { summary, lines, pictures } = await run(
      {},
      (engine) => {
        // A page's last runs: by then references are cached and released, and arenas hold what they do not use.
        failRuns((index) => index >= 40 && index < 42);
        const { memory } = engine;
        const giveBack = memory.giveBack.bind(memory);
        vi.spyOn(memory, "giveBack").mockImplementation(async (...args) => {
          const before = memory.checkMemoryUsage().host.arenaBytes;
          const step = await giveBack(...args);
          if (step === "shrink-arenas") shrunk = Math.max(shrunk, before - memory.checkMemoryUsage().host.arenaBytes);
          return step;
        });
      },
      { maxConcurrent: 1 },
    ); // beside other pages their runs would fill arenas meanwhile
    expect(summary.completed).toBe(4);
    expect(stepsOf(lines)).toContain("shrink-arenas");
    expect(shrunk).toBeGreaterThan(2 ** 20);
    for (const line of lines.filter(({ step }) => step !== undefined))
      expect(line).toMatchObject({
        level: "WARNING",
        component: "memory",
        page: expect.stringMatching(/^p\d\.png$/u),
        job: expect.any(String),
      });
    pictures.forEach((picture, page) => expect(picture.equals(plenty.pictures[page]!)).toBe(true));
  });

  it("does a page again with fewer beside it when it does not fit with others", async () => {
    const { summary, lines } = await run({}, (engine) => failRuns(() => engine.memory.pages().inFlight > 1));
    expect(summary.completed).toBe(4);
    expect(stepsOf(lines)).toContain("halve-pages");
    expect(stepsOf(lines)).not.toContain("fail");
  });

  it("fails each page with a ResourceError that is worth another try (exit code 75) when nothing helps, and the process lives", async () => {
    const { summary, lines } = await run({}, () => failRuns(() => true));
    expect(summary).toMatchObject({ completed: 0, failed: 4 });
    for (const failure of summary.failures)
      expect(failure).toMatchObject({
        code: "ERR_OUT_OF_MEMORY",
        remedy: expect.stringContaining("--max-concurrent 1"),
        message: expect.stringMatching(/200 x 280 pixels takes about \d+ MiB/u),
      });
    expect(exitCodeOf(summary)).toBe(75);
    expect(lines.filter((line) => line["step"] === "fail").every((line) => line["level"] === "ERROR")).toBe(true);
    expect(exitCodeOf({ completed: 1, failures: summary.failures })).toBe(2);
  });
});

describe("a control group", () => {
  const group = `/sys/fs/cgroup/memory/cobra-test-${process.pid}`;
  const limitBytes = 200 * 2 ** 20;
  let reason: string | undefined;
  try {
    mkdirSync(group);
    writeFileSync(join(group, "memory.limit_in_bytes"), String(limitBytes));
  } catch (error) {
    reason = (error as Error).message;
  }
  afterAll(() => {
    if (reason === undefined) rmdirSync(group);
  });

  it.skipIf(reason !== undefined)(
    `is the limit that counts${reason === undefined ? "" : ` (skipped: ${reason})`}`,
    async () => {
      const fixture = fileURLToPath(new URL("fixtures/memory-figures.mjs", import.meta.url));
      const script = `echo $$ > ${join(group, "cgroup.procs")} && exec "$0" "$@"`;
      const text = await new Promise<string>((resolve, reject) => {
        execFile("/bin/sh", ["-c", script, process.execPath, fixture, TINY_MODEL], (error, stdout, stderr) =>
          error ? reject(new Error(stderr, { cause: error })) : resolve(stdout),
        );
      });
      expect(JSON.parse(text)).toMatchObject({
        host: { limitedBy: "cgroup", totalBytes: limitBytes, share: expect.any(Number) },
        pages: expect.any(Number),
      });
    },
  );
});
