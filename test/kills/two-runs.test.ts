// Two runs that want one output at the same moment: whichever way one overtakes the other, one of them does its work,
// and the other one changes nothing or finds it done.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { approveRun, redoRun, rejectRun, retryRun, type Continuation } from "../../src/core/continue-run.js";
import { readArchiveMetadata } from "../../src/core/output/archive-metadata.js";
import { runBatch } from "../../src/core/run-batch.js";
import { ImageProcessingError } from "../../src/errors.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { overtake, type Ended } from "../support/held-operation.js";
import { hashOf, onPaper, paperEngine, type PaperEngine } from "../support/paper-engine.js";

let root: string;
/** Pages that were coloured, with their seeds. */
let coloured: string[];
let failing: readonly string[];
const at = (name: string): string => join(root, name);
const pages = await Promise.all([1, 2, 3, 4].map((seed) => linePage(seed)));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-two-runs-"));
  coloured = [];
  failing = [];
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  await writeFolder(at("in"), { "1.png": pages[0]!, "2.png": pages[1]!, "3.png": pages[2]! });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const { classify } = paperEngine().pool;
/** What the pictures are, looked at once. */
const kinds = new Map<string, ReturnType<typeof classify>>();

function engine(): PaperEngine {
  const made = paperEngine((request) => {
    const { name, settings } = request;
    if (failing.includes(name)) throw new ImageProcessingError("ERR_RUN", `${name} fails`, { imagePath: name });
    coloured.push(`${name}@${settings.seed}`);
    return onPaper(request);
  });
  const once: typeof classify = (bytes, name, options) => {
    const kind = kinds.get(hashOf(bytes)) ?? classify(bytes, name, options);
    kinds.set(hashOf(bytes), kind);
    return kind;
  };
  return { ...made, pool: { ...made.pool, classify: once } };
}

const colorize = (own: Partial<BatchConfigInput> = {}) =>
  runBatch(
    engine(),
    parseBatchConfig({ inputDir: at("in"), outputZip: at("out.cbz"), referenceImages: [at("refs")], ...own }).config,
  );
const goOn = async (run: Promise<Continuation | undefined>) => {
  const continuation = await run;
  return continuation && runBatch(engine(), continuation.config, continuation.options);
};
const redo = (page: string, seed: number) => goOn(redoRun(at("out.cbz"), [page], { pages: { seed } }));

/** The seed of each page in the archive. What was changed later is what the pages were made with, and no more. */
async function seeds(): Promise<number[]> {
  const { pages: made, run } = (await readArchiveMetadata(at("out.cbz")))!;
  const { all, pages: own } = run!.adjustments;
  for (const { page, seed } of made) expect(own[page]?.seed ?? all.seed ?? 0).toBe(seed);
  return made.map(({ seed }) => seed);
}

const succeeded = (run: Ended<unknown>): boolean => "result" in run;
/** The other run holds the output, or has decided about its preview. */
const REFUSED = [{ code: "ERR_OUTPUT_LOCKED" }, { code: "ERR_STATE" }];

/** The output's files as they are now, and a way to have them again. */
async function keepOutput(): Promise<() => Promise<void>> {
  const names = (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && join(entry.parentPath, entry.name).startsWith(at("out.cbz")))
    .map((entry) => join(entry.parentPath, entry.name));
  const files = await Promise.all(names.map(async (name) => [name, await readFile(name)] as const));
  return async () => {
    for (const name of await readdir(root)) if (!["in", "refs"].includes(name)) await rm(at(name), { recursive: true });
    for (const [name, bytes] of files) {
      await mkdir(join(name, ".."), { recursive: true });
      await writeFile(name, bytes);
    }
    coloured = [];
  };
}

/** Tries every point at which the second run can overtake the first. */
async function everyOvertaking(
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
  check: (first: Ended<unknown>, second: Ended<unknown>, where: string) => Promise<void>,
): Promise<void> {
  const restore = await keepOutput();
  for (let operation = 1; ; operation++) {
    await restore();
    const ends = await overtake(at("out"), operation, first, second);
    if (ends.second === undefined) {
      expect(operation).toBeGreaterThan(20);
      return;
    }
    const where = `operation ${operation}: ${JSON.stringify([ends, coloured])}`;
    for (const end of [ends.first, ends.second]) if (!succeeded(end)) expect(REFUSED, where).toContainEqual(end);
    expect([ends.first, ends.second].some(succeeded), where).toBe(true);
    await check(ends.first, ends.second, where);
    expect((await readdir(root)).toSorted(), where).toEqual(["in", "out.cbz", "refs"]);
  }
}

describe("a finished archive", () => {
  it("gets a new page once from two colorize", async () => {
    await colorize();
    await writeFile(at("in/4.png"), pages[3]!);
    await everyOvertaking(colorize, colorize, async (_first, _second, where) => {
      expect(coloured, where).toEqual(["4.png@0"]);
      expect(await seeds(), where).toEqual([0, 0, 0, 0]);
    });
  });

  it("has the pages of those of two redo that were not refused", async () => {
    await colorize();
    await everyOvertaking(
      () => redo("1.png", 5),
      () => redo("2.png", 6),
      async (first, second, where) => {
        const expected = [succeeded(first) ? 5 : 0, succeeded(second) ? 6 : 0, 0];
        expect(await seeds(), where).toEqual(expected);
      },
    );
  });

  it("has what of a redo and a retry was not refused", async () => {
    failing = ["3.png"];
    await colorize();
    await rm(at("out.cbz.cobra-batch"), { recursive: true });
    failing = [];
    await everyOvertaking(
      () => redo("1.png", 5),
      () => goOn(retryRun(at("out.cbz"))),
      async (first, second, where) => {
        expect(await seeds(), where).toEqual([succeeded(first) ? 5 : 0, 0, ...(succeeded(second) ? [0] : [])]);
        if (!succeeded(second)) await rm(at("out.cbz.cobra-batch"), { recursive: true, force: true });
      },
    );
  });
});

describe("a preview that waits", () => {
  it("is approved or rejected, never both", async () => {
    await colorize({ previewMode: true, previewPages: 1 });
    await everyOvertaking(
      () => goOn(approveRun(at("out.cbz"))),
      () => goOn(rejectRun(at("out.cbz"), { pages: { seed: 9 } })),
      async (first, second, where) => {
        // Where both have succeeded, what was approved is the preview that was made again.
        expect(await seeds().catch(() => "none"), where).toEqual(
          !succeeded(first) ? "none" : succeeded(second) ? [9, 9, 9] : [0, 0, 0],
        );
        if (!succeeded(first)) await goOn(approveRun(at("out.cbz")));
        expect(new Set(await seeds()), where).toEqual(new Set([succeeded(second) ? 9 : 0]));
      },
    );
  });
});
