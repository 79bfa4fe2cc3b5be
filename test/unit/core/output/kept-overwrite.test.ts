// --overwrite where a page fails: the archive that has its picture is kept, the new one is written beside it instead,
// and takes its place once nothing is lost by that.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { approveRun, rejectRun, retryRun } from "../../../../src/core/continue-run.js";
import { readArchiveMetadata } from "../../../../src/core/output/archive-metadata.js";
import { runBatch } from "../../../../src/core/run-batch.js";
import { ImageProcessingError } from "../../../../src/errors.js";
import { colourPage, linePage, onlyPage, writeFolder } from "../../../support/chapter.js";
import { onPaper, paperEngine } from "../../../support/paper-engine.js";

let root: string;
let failing: readonly string[];
let unreadable: readonly string[];
let warnings: string[];
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-kept-overwrite-"));
  failing = [];
  unreadable = [];
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  await writeFolder(at("in"), { "1.png": await linePage(1), "2.png": await linePage(2), "3.png": await linePage(3) });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run(config: BatchConfigInput, options: object = {}): Promise<string | undefined> {
  warnings = [];
  const engine = paperEngine((request) => {
    const { name } = request;
    if (failing.includes(name)) throw new ImageProcessingError("ERR_RUN", `${name} fails`, { imagePath: name });
    if (!unreadable.includes(name)) return onPaper(request);
    const failure = {
      page: name,
      stage: "decode",
      code: "ERR_IMAGE_DECODE",
      message: "cannot be read",
      remedy: "",
    } as const;
    return { status: "failed", failure, warnings: [] };
  });
  const { output } = await runBatch(engine, config, {
    ...options,
    onEvent: (event) => void (event.type === "warning" && warnings.push(event.message)),
  });
  return output;
}
const colorize = (own: Partial<BatchConfigInput> = {}): Promise<string | undefined> =>
  run(parseBatchConfig({ inputDir: at("in"), outputZip: at("out.cbz"), referenceImages: [at("refs")], ...own }).config);
async function retry(output = at("out.cbz")): Promise<string | undefined> {
  const { config, options } = (await retryRun(output, { failedOnly: true }))!;
  return run(config, options);
}
const outputs = async (): Promise<string[]> =>
  (await readdir(root)).filter((name) => name.startsWith("out")).toSorted();
const outputsOf = async (folder: string): Promise<string[]> => readdir(at(folder));
const seeds = async (name: string): Promise<number[]> =>
  (await readArchiveMetadata(at(name)))!.pages.map(({ seed }) => seed);

it("stays beside the new one where it alone has the picture of a page that the input has lost since", async () => {
  const [, two, three] = await Promise.all(["1.png", "2.png", "3.png"].map((name) => readFile(at(`in/${name}`))));
  await rm(at("in/2.png"));
  await colorize();
  await writeFolder(at("in"), { "2.png": two!, "4.png": await onlyPage(4), "5.png": await onlyPage(5) });
  failing = ["3.png"];
  expect(await colorize({ overwrite: true })).toBe(at("out_1.cbz"));
  failing = [];
  await rm(at("in/2.png"));
  expect(await readFile(at("in/3.png"))).toEqual(three);
  expect(await colorize({ overwrite: true })).toBe(at("out.cbz"));
  expect(warnings).toEqual([
    `${at("out_1.cbz")} has pages that the input no longer has or that can no longer be read and is kept; the result is ${at("out.cbz")}`,
  ]);
  const pages = async (name: string): Promise<string[]> =>
    (await readArchiveMetadata(at(name)))!.pages.map(({ page }) => page);
  expect([await pages("out.cbz"), await pages("out_1.cbz")]).toEqual([
    ["1.png", "3.png", "4.png", "5.png"],
    ["1.png", "2.png", "4.png", "5.png"],
  ]);
});

describe("an archive that was kept at a failed --overwrite", () => {
  beforeEach(async () => {
    await colorize();
    failing = ["2.png"];
    expect(await colorize({ overwrite: true, seed: 5 })).toBe(at("out_1.cbz"));
    expect(warnings).toContain(
      `${at("out.cbz")} has the picture of 2.png, which failed now, and is kept; the result is ${at("out_1.cbz")}`,
    );
    failing = [];
  });

  it.each([
    ["is in colour now", async () => writeFile(at("in/2.png"), await colourPage(7))],
    ["has another name", () => rename(at("in/2.png"), at("in/4.png"))],
    ["has left the input", () => rm(at("in/2.png"))],
  ])("stays where retry gives no picture of its page, which %s", async (_, change) => {
    await change();
    expect(await retry()).toBe(at("out_1.cbz"));
    expect(warnings).toContain(
      `${at("out.cbz")} has the picture of 2.png, which the new one lacks, and is kept; the result is ${at("out_1.cbz")}`,
    );
    expect(await outputs()).toEqual(["out.cbz", "out_1.cbz"]);
    expect(await seeds("out.cbz")).toEqual([0, 0, 0]);
  });

  it("stays, and so does one beside it that somebody has changed, where retry gives no picture of its page", async () => {
    await writeFile(at("out_1.cbz"), "mine");
    await rm(at("in/2.png"));
    expect(await retry()).toBe(at("out_2.cbz"));
    expect(warnings).toEqual([
      `${at("out_1.cbz")} was changed or replaced after it was written and is kept; the result is ${at("out_2.cbz")}`,
      `${at("out.cbz")} has the picture of 2.png, which the new one lacks, and is kept; the result is ${at("out_2.cbz")}`,
    ]);
    expect(await seeds("out.cbz")).toEqual([0, 0, 0]);
    expect(await readFile(at("out_1.cbz"), "utf8")).toBe("mine");
  });

  it.each([
    ["retry of the name that was asked for", () => retry()],
    ["retry of the result", () => retry(at("out_1.cbz"))],
    ["the same command", () => colorize({ overwrite: true, seed: 5 })],
  ])("is replaced once the page is coloured: %s", async (_, again) => {
    expect(await again()).toBe(at("out.cbz"));
    expect(warnings).toContain(
      `${at("out.cbz")} is replaced; ${at("out_1.cbz")}, which was written instead, is removed`,
    );
    expect(await outputs()).toEqual(["out.cbz"]);
    expect(await seeds("out.cbz")).toEqual([5, 5, 5]);
  });

  it("stays where the page fails again, and is replaced after that", async () => {
    failing = ["2.png"];
    expect(await retry()).toBe(at("out_1.cbz"));
    expect(await seeds("out.cbz")).toEqual([0, 0, 0]);
    failing = [];
    expect(await retry()).toBe(at("out.cbz"));
    expect(await outputs()).toEqual(["out.cbz"]);
  });

  it("stays where somebody has changed it since, and that is said", async () => {
    await writeFile(at("out.cbz"), "mine");
    expect(await retry()).toBe(at("out_1.cbz"));
    expect(warnings).toContain(`${at("out.cbz")} was changed meanwhile and is kept; the result is ${at("out_1.cbz")}`);
    expect(await readFile(at("out.cbz"), "utf8")).toBe("mine");
    expect(await seeds("out_1.cbz")).toEqual([5, 5, 5]);
  });

  it("stays where --overwrite is no longer asked for, and that is said", async () => {
    expect(await colorize({ seed: 5 })).toBe(at("out_1.cbz"));
    expect(warnings).toContain(
      `${at("out.cbz")} has the pictures from before and is kept; the result is ${at("out_1.cbz")}`,
    );
    expect(await seeds("out.cbz")).toEqual([0, 0, 0]);
  });
});

describe("--overwrite keeps the picture of a page that fails", () => {
  it("under another name", async () => {
    await colorize();
    await rename(at("in/2.png"), at("in/4.png"));
    failing = ["4.png"];
    expect(await colorize({ overwrite: true })).toBe(at("out_1.cbz"));
    expect(await seeds("out.cbz")).toHaveLength(3);
  });

  it("under another name, and cannot be read", async () => {
    await colorize();
    await rm(at("in/2.png"));
    await writeFile(at("in/4.png"), "no picture");
    unreadable = ["4.png"];
    expect(await colorize({ overwrite: true })).toBe(at("out_1.cbz"));
    expect(await seeds("out.cbz")).toHaveLength(3);
  });

  it("of a chapter of which half cannot be read now, under other names", async () => {
    await writeFile(at("in/4.png"), await onlyPage(4));
    await colorize();
    for (const seed of [3, 4]) {
      await rm(at(`in/${seed}.png`));
      await writeFile(at(`in/p${seed}.png`), "");
    }
    unreadable = ["p3.png", "p4.png"];
    expect(await colorize({ overwrite: true, seed: 1 })).toBe(at("out_1.cbz"));
    expect(await seeds("out.cbz")).toEqual([0, 0, 0, 0]);
  });

  it("but not where the page has a picture under another name, or was never in it", async () => {
    await colorize();
    await writeFile(at("in/4.png"), await linePage(2));
    await writeFile(at("in/5.png"), await linePage(5));
    failing = ["4.png", "5.png"];
    expect(await colorize({ overwrite: true })).toBe(at("out.cbz"));
  });
});

describe("what somebody has changed since a command with --overwrite stays where pages are done again", () => {
  it.each([
    ["fails again", ["2.png"]],
    ["is coloured", []],
  ])("an archive, where the page %s", async (_what, failsThen: string[]) => {
    failing = ["2.png"];
    await colorize({ overwrite: true });
    await writeFile(at("out.cbz"), "mine");
    failing = failsThen;
    expect(await retry()).toBe(at("out_1.cbz"));
    expect(warnings).toContain(
      `${at("out.cbz")} was changed or replaced after it was written and is kept; the result is ${at("out_1.cbz")}`,
    );
    expect(await readFile(at("out.cbz"), "utf8")).toBe("mine");
    expect(await seeds("out_1.cbz")).toHaveLength(3 - failsThen.length);
  });

  it.each([false, true])("pictures of a folder; failed pages alone: %s", async (failedOnly) => {
    failing = ["2.png"];
    const folder = { outputZip: undefined, outputDir: at("out"), overwrite: true };
    await colorize(folder);
    for (const name of ["1", "2"]) await writeFile(at(`out/${name}_colorized.png`), "mine");
    failing = [];
    const { config, options } = (await retryRun(at("out"), { failedOnly }))!;
    await run(config, options);
    for (const name of ["1", "2"]) expect(await readFile(at(`out/${name}_colorized.png`), "utf8")).toBe("mine");
    expect(await readFile(at("out/2_colorized_1.png"), "utf8")).toContain('"seed":0');
    // Asked for again, it replaces them.
    await colorize({ ...folder, seed: 2 });
    for (const name of ["1", "2"])
      expect(await readFile(at(`out/${name}_colorized.png`), "utf8")).toContain('"seed":2');
  });
});

it.each(["approve", "reject"])("a retouched picture of a preview with --overwrite stays at %s", async (decision) => {
  const folder = { outputZip: undefined, outputDir: at("out"), overwrite: true, previewMode: true };
  await colorize(folder);
  await writeFile(at("out/1_colorized.png"), "mine");
  const { config, options } = decision === "approve" ? (await approveRun(at("out")))! : await rejectRun(at("out"));
  await run(config, options);
  expect(await readFile(at("out/1_colorized.png"), "utf8")).toBe("mine");
  expect(await outputsOf("out")).toContain("1_colorized_1.png");
});

it("an archive that somebody has changed stays at an approve that is given again", async () => {
  failing = ["3.png"];
  await colorize({ overwrite: true, previewMode: true });
  const approve = async (): Promise<string | undefined> => {
    const { config, options } = (await approveRun(at("out.cbz")))!;
    return run(config, options);
  };
  expect(await approve()).toBe(at("out.cbz"));
  await writeFile(at("out.cbz"), "mine");
  expect(await approve()).toBe(at("out_1.cbz"));
  expect(await readFile(at("out.cbz"), "utf8")).toBe("mine");
});

it("a failed page of a folder that was coloured, but whose picture did not get its name, is tried again", async () => {
  failing = ["2.png"];
  await colorize({ outputZip: undefined, outputDir: at("out") });
  failing = [];
  const again = async (): Promise<boolean> => {
    const next = await retryRun(at("out"), { failedOnly: true });
    if (next !== undefined) await run(next.config, next.options);
    return next !== undefined;
  };
  expect(await again()).toBe(true);
  expect(await again()).toBe(false);
  await rm(at("out/2_colorized.png"));
  expect(await again()).toBe(true);
  await writeFile(at("out/2_colorized.png"), "mine");
  expect(await again()).toBe(false);
});

it.each([
  ["with the settings that they had", undefined],
  ["with others that are asked for now", 9],
])("pages that were done again go into the archive, though the command ended before that, %s", async (_what, seed) => {
  failing = ["2.png"];
  await colorize();
  failing = [];
  const { config, options } = (await retryRun(at("out.cbz"), { failedOnly: true }))!;
  const work = at("out.cbz.cobra-batch/archive.tmp");
  await mkdir(work); // nothing can be packed
  await expect(run(config, options)).rejects.toBeDefined();
  await rm(work, { recursive: true });
  expect(await seeds("out.cbz")).toHaveLength(2);
  const changes = seed === undefined ? {} : { changes: { pages: { seed } } };
  const next = (await retryRun(at("out.cbz"), { failedOnly: true, ...changes }))!;
  expect(await run(next.config, next.options)).toBe(at("out.cbz"));
  expect(await seeds("out.cbz")).toEqual([0, seed ?? 0, 0]);
  expect(await outputs()).toEqual(["out.cbz"]);
  await expect(retryRun(at("out.cbz"), { failedOnly: true })).resolves.toBeUndefined();
});
