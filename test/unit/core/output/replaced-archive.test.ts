// An archive is replaced only by one of the same input, and only if nothing that somebody has put into it is lost.
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { redoRun, retryRun, type Continuation } from "../../../../src/core/continue-run.js";
import { runBatch } from "../../../../src/core/run-batch.js";
import { ImageProcessingError } from "../../../../src/errors.js";
import { openStoredFiles } from "../../../../src/io/archive/stored-files.js";
import { LAYER_NAMES } from "../../../../src/io/names/output-names.js";
import { rawZip, goodZip, type RawEntry } from "../../../support/archives.js";
import { colourPage, onlyPage, writeFolder } from "../../../support/chapter.js";
import { onPaper, paperEngine } from "../../../support/paper-engine.js";
import { endEarly } from "../../../support/reopened.js";

let root: string;
const at = (name: string): string => join(root, name);
/** Pages that fail. */
let failing: readonly string[];

beforeEach(async () => {
  failing = [];
  root = await mkdtemp(join(tmpdir(), "cobra-replaced-"));
  await writeFolder(at("refs"), { "r.jpg": await colourPage(1) });
  await pages("A", 1, "p1.png", "p2.png");
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Writes pages of a chapter, each another drawing. */
async function pages(folder: string, seed: number, ...names: string[]): Promise<void> {
  for (const [index, name] of names.entries()) await writeFolder(at(folder), { [name]: await onlyPage(seed + index) });
}

interface Ended {
  readonly output: string | undefined;
  readonly warnings: readonly string[];
}

const engine = () =>
  paperEngine((request) => {
    if (failing.includes(request.name))
      throw new ImageProcessingError("ERR_RUN", `${request.name} fails`, { imagePath: request.name });
    const data = new TextEncoder().encode(`layer of ${request.name} with seed ${request.settings.seed}`);
    const layers = LAYER_NAMES.map((name) => ({ name, data }));
    return onPaper(request, request.output.layers === "png" ? ({ layers } as object) : {});
  });

async function run({ config, options }: Pick<Continuation, "config" | "options">): Promise<Ended> {
  const warnings: string[] = [];
  const { output } = await runBatch(engine(), config, {
    ...options,
    onEvent: (event) => void (event.type === "warning" && warnings.push(event.message)),
  });
  return { output, warnings };
}

const colorize = (folder: string, own: Partial<BatchConfigInput> = {}): Promise<Ended> =>
  run({
    config: parseBatchConfig({
      inputDir: at(folder),
      referenceImages: [at("refs")],
      outputZip: at("x.cbz"),
      ...own,
    }).config,
    options: {},
  });

/** What an archive holds beside its metadata, as text. */
async function content(name: string): Promise<Record<string, string>> {
  const stored = await openStoredFiles(at(name));
  try {
    const files: Record<string, string> = {};
    for (const file of stored.files)
      if (file.name !== "processing_metadata.json") files[file.name] = Buffer.from(await file.read()).toString();
    if (stored.comment !== undefined) files["(comment)"] = Buffer.from(stored.comment).toString();
    return files;
  } finally {
    await stored.close();
  }
}

/** Rewrites an archive as a user's packer does: with other, further or fewer entries, and a comment. */
async function edit(
  name: string,
  changes: Record<string, string | undefined>,
  { raw = [], comment }: { raw?: readonly RawEntry[]; comment?: string } = {},
): Promise<Buffer> {
  const stored = await openStoredFiles(at(name));
  const entries: RawEntry[] = [];
  for (const file of stored.files)
    if (!(file.name in changes)) entries.push({ name: file.name, data: await file.read() });
  await stored.close();
  for (const [key, data] of Object.entries(changes)) if (data !== undefined) entries.push({ name: key, data });
  const zip = rawZip([...entries, ...raw]);
  if (comment !== undefined) zip.writeUInt16LE(comment.length, zip.byteLength - 2);
  const bytes = Buffer.concat([zip, Buffer.from(comment ?? "")]);
  await writeFile(at(name), bytes);
  return bytes;
}

const archives = async (): Promise<string[]> =>
  (await readdir(root)).filter((name) => name.endsWith(".cbz")).toSorted();

describe("an archive of another input", () => {
  it("is kept where this input's own was changed, or is gone", async () => {
    failing = ["p2.png", "q2.png"];
    await pages("B", 11, "q1.png", "q2.png");
    await colorize("A");
    expect((await colorize("B")).output).toBe(at("x_1.cbz"));
    const first = await readFile(at("x.cbz"));
    const second = await edit("x_1.cbz", { "mine.txt": "mine" });
    const { output, warnings } = await colorize("B");
    expect(output).toBe(at("x_2.cbz"));
    expect(warnings).toContain(
      `${at("x_1.cbz")} was changed or replaced after it was written and is kept; the result is ${output}`,
    );
    expect(first.equals(await readFile(at("x.cbz")))).toBe(true);
    expect(second.equals(await readFile(at("x_1.cbz")))).toBe(true);
    await rm(at("x_1.cbz"));
    await rm(at("x_2.cbz"));
    expect((await colorize("B")).output).toBe(at("x_1.cbz"));
    expect(first.equals(await readFile(at("x.cbz")))).toBe(true);
    expect((await colorize("A")).output).toBe(at("x.cbz"));
  });

  it("is kept where the other input has the same path", async () => {
    failing = ["p2.png"];
    await colorize("A");
    const first = await readFile(at("x.cbz"));
    await rm(at("A"), { recursive: true });
    await pages("A", 11, "p1.png", "p2.png");
    const { output, warnings } = await colorize("A");
    expect(output).toBe(at("x_1.cbz"));
    expect(warnings).toContain(`${at("x.cbz")} is of another input and is kept; the result is ${output}`);
    expect(first.equals(await readFile(at("x.cbz")))).toBe(true);
  });

  it("gives nothing to the next one, whatever name the journal has", async () => {
    failing = ["p2.png"];
    await writeFolder(at("A"), { "ComicInfo.xml": Buffer.from("<One/>") });
    await colorize("A");
    for (const name of ["x.cbz", "x.cbz.cobra-batch"]) await rename(at(name), at(name.replace("x", "y")));
    await pages("B", 11, "q1.png", "q2.png");
    await writeFolder(at("B"), { "ComicInfo.xml": Buffer.from("<Two/>"), "two.txt": Buffer.from("two") });
    await colorize("B");
    await edit("y.cbz", { "mine.txt": "mine" });
    failing = [];
    const { output } = await run((await retryRun(at("y.cbz"), { failedOnly: true }))!);
    expect(output).toBe(at("y_1.cbz"));
    expect(Object.keys(await content("y_1.cbz"))).toEqual(["p1_colorized.png", "p2_colorized.png", "ComicInfo.xml"]);
    expect((await content("y_1.cbz"))["ComicInfo.xml"]).toBe("<One/>");
  });
});

describe("what somebody has put into a finished archive", () => {
  const others = { "ComicInfo.xml": "<Mine/>", "bonus.png": "a picture", "(comment)": "my comment" };

  it.each<[string, () => Promise<Ended>, string?]>([
    ["colorize", () => colorize("A")],
    ["colorize with other settings", () => colorize("A", { seed: 5 }), "x_1.cbz"],
    ["retry", async () => run((await retryRun(at("x.cbz")))!)],
    ["redo", async () => run(await redoRun(at("x.cbz"), ["p1.png"]))],
  ])("stays in it where a redo ends early and %s goes on", async (_, goOn, result = "x.cbz") => {
    await colorize("A");
    await edit("x.cbz", { "ComicInfo.xml": "<Mine/>", "bonus.png": "a picture" }, { comment: "my comment" });
    await endEarly(await redoRun(at("x.cbz"), ["p2.png"]));
    expect((await goOn()).output).toBe(at(result));
    for (const name of new Set(["x.cbz", result])) expect(await content(name)).toMatchObject(others);
    expect(await archives()).toEqual([...new Set(["x.cbz", result])]);
  });

  it("stays in it through a second archive of the same journal", async () => {
    await colorize("A");
    await edit("x.cbz", { "ComicInfo.xml": "<Mine/>", "bonus.png": "a picture" }, { comment: "my comment" });
    await endEarly(await redoRun(at("x.cbz"), ["p2.png"]));
    await pages("A", 3, "p3.png");
    failing = ["p3.png"];
    for (let round = 0; round < 2; round++) {
      expect((await colorize("A")).output).toBe(at("x.cbz"));
      expect(await content("x.cbz")).toMatchObject(others);
    }
  });

  it.each<[string, () => Promise<Ended>]>([
    ["redo of that page", async () => run(await redoRun(at("x.cbz"), ["p1.png"]))],
    ["colorize with other settings", () => colorize("A", { seed: 5 })],
  ])("stays as it is where it is a page's picture: a redo of another page ends early, then %s", async (_, goOn) => {
    await colorize("A");
    const before = await edit("x.cbz", { "p1_colorized.png": "painted by hand" });
    await endEarly(await redoRun(at("x.cbz"), ["p2.png"]));
    const { output, warnings } = await goOn();
    expect(output).toBe(at("x_1.cbz"));
    expect(warnings).toContainEqual(expect.stringMatching(/x\.cbz holds "p1_colorized\.png".* is kept; the result is/));
    expect(before.equals(await readFile(at("x.cbz")))).toBe(true);
  });

  it("stays as it is where it has the name of a page that had failed", async () => {
    failing = ["p2.png"];
    await colorize("A");
    await rm(at("x.cbz.cobra-batch"), { recursive: true });
    const before = await edit("x.cbz", { "p2_colorized.png": "painted by hand" });
    failing = [];
    for (const [again, name] of [
      [async () => (await retryRun(at("x.cbz")))!, "x_1.cbz"],
      [() => redoRun(at("x.cbz"), ["p2.png"]), "x_2.cbz"],
    ] as const) {
      expect((await run(await again())).output).toBe(at(name));
      expect(before.equals(await readFile(at("x.cbz")))).toBe(true);
    }
  });

  it("stays in it where it lies among a page's layers, and the archive stays where a layer was changed", async () => {
    await colorize("A", { layers: "png" });
    const layer = `p2_colorized_layers/${LAYER_NAMES[1]!}`;
    await edit("x.cbz", { "p1_colorized_layers/mask.txt": "my mask" });
    expect((await run(await redoRun(at("x.cbz"), ["p2.png"]))).output).toBe(at("x.cbz"));
    expect(await content("x.cbz")).toMatchObject({ "p1_colorized_layers/mask.txt": "my mask" });
    const before = await edit("x.cbz", { [layer]: "painted by hand" });
    expect((await run(await redoRun(at("x.cbz"), ["p1.png"]))).output).toBe(at("x.cbz"));
    expect((await content("x.cbz"))[layer]).toBe("painted by hand");
    expect((await run(await redoRun(at("x.cbz"), ["p2.png"]))).output).toBe(at("x_1.cbz"));
    expect((await content("x.cbz"))[layer]).toBe("painted by hand");
    expect((await content("x_1.cbz"))[layer]).toBe("layer of p2.png with seed 2");
    expect(before.byteLength).toBeGreaterThan(0);
  });
});

describe("a page that somebody has taken out of a finished archive", () => {
  it.each([
    ["its picture", "p1_colorized.png"],
    ["a layer", `p1_colorized_layers/${LAYER_NAMES[0]!}`],
  ])("is coloured again with those that are asked for: %s", async (_, name) => {
    await colorize("A", { layers: "png" });
    const before = await content("x.cbz");
    await edit("x.cbz", { [name]: undefined, "Cover.png": before["p1_colorized.png"]! });
    await endEarly(await redoRun(at("x.cbz"), ["p2.png"]));
    const again = await redoRun(at("x.cbz"), ["p2.png"]);
    expect(again.notes).toContain("colouring p1.png too: its files are no longer in the archive");
    expect((await run(again)).output).toBe(at("x.cbz"));
    expect(await content("x.cbz")).toMatchObject({
      "Cover.png": before["p1_colorized.png"],
      "p1_colorized.png": before["p1_colorized.png"],
      "p2_colorized.png": expect.stringContaining('"seed":1') as string,
    });
    expect(await readdir(root)).toEqual(["A", "refs", "x.cbz"]);
  });
});

describe("an entry that cannot be carried as it is", () => {
  const name = "notes.txt";
  it.each<[string, string, RawEntry[]]>([
    ["of another method", name, [{ name, data: "x", method: 12 }]],
    ["encrypted", name, [{ name, data: "x", flags: 0x801 }]],
    ["of a wrong checksum", name, [{ name, data: "x", crc32: 1 }]],
    ["a link", name, [{ name, data: "x", mode: 0o120777 }]],
    ["of a name that leads out", "../notes.txt", [{ name: "../notes.txt", data: "x" }]],
    ["of a name with a backslash", "a/notes.txt", [{ name: "a\\notes.txt", data: "x" }]],
    ["of a name that a system does not take", "CON.txt", [{ name: "CON.txt", data: "x" }]],
    ["of a name with a question mark", "what?.txt", [{ name: "what?.txt", data: "x" }]],
    [
      "of a name twice",
      "notes (2).txt",
      [
        { name, data: "x" },
        { name, data: "y" },
      ],
    ],
    [
      "of a name in other letters",
      "NOTES.txt",
      [
        { name, data: "x" },
        { name: "NOTES.txt", data: "y" },
      ],
    ],
    ["of a name with marks", "notes.txt", [{ name: "no\u202etes.txt", data: "x" }]],
    ["left by a system", ".DS_Store", [{ name: ".DS_Store", data: "x" }]],
    ["a picture of another method", "bonus.png", [{ name: "bonus.png", data: "x", method: 14 }]],
  ])("keeps the archive: one %s", async (_, named, raw) => {
    await colorize("A");
    const before = await edit("x.cbz", { "other.txt": "mine" }, { raw });
    const { output, warnings } = await run(await redoRun(at("x.cbz"), ["p2.png"]));
    expect(output).toBe(at("x_1.cbz"));
    expect(warnings).toContainEqual(expect.stringContaining(`x.cbz holds "${named}", which would be lost (`));
    expect(before.equals(await readFile(at("x.cbz")))).toBe(true);
    expect(await content("x_1.cbz")).toMatchObject({ "other.txt": "mine" });
  });

  it("is none where it is an archive, a folder or a name in other accents", async () => {
    await colorize("A");
    const inner = await goodZip({ "x.png": await onlyPage(9) });
    const raw = [
      { name: "extras.cbz", data: inner },
      { name: "folder/", data: "" },
      { name: "cafe\u0301.txt", data: "x" },
    ];
    await edit("x.cbz", {}, { raw });
    expect((await run(await redoRun(at("x.cbz"), ["p2.png"]))).output).toBe(at("x.cbz"));
    expect(await content("x.cbz")).toMatchObject({ "extras.cbz": inner.toString(), "caf\u00e9.txt": "x" });
  });
});
