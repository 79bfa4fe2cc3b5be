// What single pages have of their own: colour hints and references, from the settings to the picture, the journal and
// the faults.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig, type BatchConfigInput, type PageConfig } from "../../src/config/batch-config.js";
import { runBatch, type RunBatchOptions } from "../../src/core/run-batch.js";
import type { BatchEvent, BatchSummary } from "../../src/core/events.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { buildModelPackage } from "../../src/convert/build-package.js";
import { PRESETS, presetWeights } from "../../src/convert/presets.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { ONE_THREAD } from "../support/shared-models.js";

let root: string;
let engine: Engine;
// Drawn before the engine is open: after that SVG is no longer read.
let line: Buffer;
let coloured: Buffer[];
const at = (name: string): string => join(root, name);

/** A layer of 200 x 280 with a stroke in the middle of the circle of `linePage(1)`. */
const layer = (color: string, size = { width: 200, height: 280 }): Promise<Buffer> =>
  sharp({ create: { ...size, channels: 4, background: "#00000000" } })
    .composite([
      {
        input: {
          create: {
            width: Math.ceil(size.width / 20),
            height: Math.ceil(size.height / 28),
            channels: 4,
            background: color,
          },
        },
        left: Math.round(size.width * 0.38),
        top: Math.round(size.height * 0.3),
      },
    ])
    .png()
    .toBuffer();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-own-"));
  line = await linePage(1);
  coloured = await Promise.all([1, 2, 3].map((seed) => colourPage(seed)));
  await writeFolder(at("in"), Object.fromEntries([1, 2, 3, 4].map((page) => [`p${page}.png`, line])));
  await writeFolder(at("refs"), { "a.jpg": coloured[0]! });
  await writeFolder(at("own"), { "b.jpg": coloured[1]! });
  await writeFolder(at("other"), { "c.jpg": coloured[2]! });
  await writeFolder(root, {
    "red.png": await layer("#e02020"),
    "small.png": await layer("#e02020", { width: 100, height: 140 }),
    "wide.png": await layer("#e02020", { width: 280, height: 200 }),
    "flat.jpg": coloured[0]!,
    "text.png": Buffer.from("no picture"),
    "cut.png": (await layer("#e02020")).subarray(0, 120),
  });
  await buildModelPackage({
    directory: at("model"),
    config: { ...PRESETS.tiny, hints: "regions" },
    weights: presetWeights(PRESETS.tiny, 1),
    info: { name: "tiny-regions", version: "1", licence: "CC0-1.0", trained: false },
  });
  engine = await Engine.open({ model: at("model"), session: ONE_THREAD });
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  await engine.close();
  await rm(root, { recursive: true, force: true });
});

interface Outcome {
  summary: BatchSummary;
  done: string[];
  kept: string[];
  references: Record<string, string[]>;
}

async function run(
  output: string,
  pages: Record<string, PageConfig>,
  settings: Partial<BatchConfigInput> = {},
  options: RunBatchOptions = {},
): Promise<Outcome> {
  const events: BatchEvent[] = [];
  const { config } = parseBatchConfig({
    inputDir: at("in"),
    outputDir: at(output),
    referenceImages: [at("refs")],
    numInferenceSteps: 1,
    overwrite: true,
    ...settings,
  });
  const summary = await runBatch(engine, config, {
    ...options,
    pageConfig: (name) => pages[name] ?? {},
    onEvent: (event) => (events.push(event), options.onEvent?.(event)),
  });
  const finished = events.filter((event) => event.type === "page-completed");
  const names = (kept: boolean): string[] =>
    finished.filter((event) => (event.kept ?? false) === kept).map(({ page }) => page);
  return {
    summary,
    done: names(false),
    kept: names(true),
    references: Object.fromEntries(
      finished.map(({ page, references }) => [
        page,
        [...new Set(references.map((label) => label.replace(/#\d+$/, "")))],
      ]),
    ),
  };
}

/** The colour of a page's result in the circle. */
async function circle(output: string, page: string): Promise<number[]> {
  const { image } = await decodeImage(await readFile(at(`${output}/${page}_colorized.png`)), page);
  return [...image.data.subarray((70 * image.width + 75) * 3, (70 * image.width + 75) * 3 + 3)];
}

const near = (color: number[], [r, g, b]: readonly [number, number, number]): boolean =>
  Math.max(Math.abs(color[0]! - r), Math.abs(color[1]! - g), Math.abs(color[2]! - b)) < 40;

describe("colorHints", () => {
  it("give regions the colours of dots and of pictures of any size; other pages stay as they are", async () => {
    const { summary } = await run("hinted", {
      "p1.png": { colorHints: [{ x: 75, y: 90, color: "#20c040" }] },
      "p2.png": { colorHints: at("red.png") },
      "p3.png": { colorHints: at("small.png") },
    });
    expect(summary).toMatchObject({ completed: 4, failed: 0 });
    await run("plain", {});
    expect(near(await circle("hinted", "p1"), [32, 192, 64])).toBe(true);
    expect([
      near(await circle("hinted", "p2"), [224, 32, 32]),
      near(await circle("hinted", "p3"), [224, 32, 32]),
    ]).toEqual([true, true]);
    expect(await circle("hinted", "p4")).toEqual(await circle("plain", "p4"));
  });

  it("do a page again when they change, and only that page, also where only the picture's content does", async () => {
    await writeFile(at("changing.png"), await layer("#e02020"));
    const pages: Record<string, PageConfig> = { "p1.png": { colorHints: at("changing.png") } };
    expect((await run("resumed", pages)).done).toHaveLength(4);
    expect((await run("resumed", pages)).kept).toHaveLength(4);
    await writeFile(at("changing.png"), await layer("#2040e0"));
    expect(await run("resumed", pages)).toMatchObject({ done: ["p1.png"], kept: ["p2.png", "p3.png", "p4.png"] });
    expect(near(await circle("resumed", "p1"), [32, 64, 224])).toBe(true);
    expect(
      (await run("resumed", { ...pages, "p2.png": { colorHints: [{ x: 75, y: 90, color: [9, 200, 9] }] } })).done,
    ).toEqual(["p2.png"]);
    expect((await run("resumed", {})).done).toEqual(["p1.png", "p2.png"]);
  });

  it("that do not fit a page fail that page alone, with value, rule and remedy", async () => {
    const { summary } = await run("unfit", {
      "p1.png": { colorHints: [{ x: 200, y: 10, color: "#ff0000" }] },
      "p2.png": { colorHints: at("wide.png") },
      "p3.png": { colorHints: at("cut.png") },
    });
    expect(summary).toMatchObject({ completed: 1, failed: 3 });
    expect(summary.failures.map(({ page, code }) => [page, code])).toEqual([
      ["p1.png", "ERR_HINTS"],
      ["p2.png", "ERR_HINTS"],
      ["p3.png", "ERR_HINTS"],
    ]);
    expect(summary.failures[0]!.message).toMatch(/\(200, 10\) is outside the page of 200 x 280; x goes from 0 to 199/);
    expect(summary.failures[1]!.message).toMatch(
      /wide\.png is 280 x 200, another shape than the page of 200 x 280; paint the strokes/,
    );
    expect(summary.failures[2]!.message).toMatch(/cut\.png is a damaged picture/);
    for (const { remedy } of summary.failures) expect(remedy).toMatch(/colorHints|save the layer with the strokes/);
  });

  it("whose files cannot be used whatever the page are one error before anything is done, with all faults", async () => {
    const begun: string[] = [];
    const faulty = run(
      "never",
      {
        "p1.png": { colorHints: at("nowhere.png") },
        "p2.png": { colorHints: at("flat.jpg") },
        "p3.png": { colorHints: at("text.png") },
        "p4.png": { referenceImages: [at("gone")] },
      },
      {},
      { onEvent: (event) => begun.push(event.type) },
    );
    const error = await faulty.then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error).toMatchObject({ code: "ERR_CONFIG" });
    for (const part of [
      /p1\.png: colorHints: .*nowhere\.png cannot be read/,
      /p2\.png: colorHints: .*flat\.jpg has no transparency/,
      /p3\.png: colorHints: .*text\.png is not a picture/,
      /p4\.png: referenceImages: .*gone cannot be read/,
    ])
      expect(error!.message).toMatch(part);
    expect(error).toMatchObject({
      remedy:
        "correct the path; relative paths in a configuration file count from its folder; save the layer with the strokes alone as PNG",
    });
    expect(begun).toEqual([]);
  });

  it("are refused by the engine when given twice", async () => {
    using set = engine.references([]);
    const { image } = await decodeImage(line, "page");
    await expect(
      engine.colorize(set, { page: image, style: "line", seed: 0, steps: 1, topK: 1, hints: [], pageHints: [] }),
    ).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });
});

describe("referenceImages of a page", () => {
  it("take the place of the batch's; pages with the same list share a set, which is freed after the last of them", async () => {
    let open = 0;
    let most = 0;
    let made = 0;
    const references = engine.references.bind(engine);
    vi.spyOn(engine, "references").mockImplementation((images) => {
      const set = references(images);
      const dispose = set.dispose.bind(set);
      made++;
      most = Math.max(most, ++open);
      let disposed = false;
      set.dispose = () => {
        if (!disposed) open--;
        disposed = true;
        dispose();
      };
      return set;
    });
    const own = { referenceImages: [at("own")] };
    const result = await run(
      "referenced",
      { "p1.png": own, "p2.png": own, "p3.png": { referenceImages: [at("other"), at("own")] } },
      { maxConcurrent: 1 },
    );
    expect(result.references).toEqual({
      "p1.png": ["b.jpg"],
      "p2.png": ["b.jpg"],
      "p3.png": expect.arrayContaining(["c.jpg"]) as string[],
      "p4.png": ["a.jpg"],
    });
    expect([made, open]).toEqual([3, 0]);
    expect(most).toBeLessThanOrEqual(3);
  });

  it("do a page again when their content changes, and only the pages that have them", async () => {
    await writeFolder(at("changing"), { "x.jpg": coloured[1]! });
    const pages = { "p2.png": { referenceImages: [at("changing")] } };
    await run("referenced-again", pages);
    await writeFolder(at("changing"), { "x.jpg": coloured[2]! });
    expect(await run("referenced-again", pages)).toMatchObject({
      done: ["p2.png"],
      kept: ["p1.png", "p3.png", "p4.png"],
    });
  });

  it("that cannot be decoded fail the pages that have them", async () => {
    await writeFolder(at("broken"), { "x.jpg": Buffer.from("no picture") });
    const { summary } = await run("referenced-broken", { "p2.png": { referenceImages: [at("broken")] } });
    expect(summary).toMatchObject({
      completed: 3,
      failed: 1,
      failures: [
        { page: "p2.png", code: "ERR_NO_REFERENCES", remedy: expect.stringContaining("referenceImages") as string },
      ],
    });
  });
});
