// `cobra-batch colorize` from the shell, once to the end and once with an error; what is refused, in a program. All
// else about the command is in `command/`.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig } from "../../src/config/batch-config.js";
import { runBatch } from "../../src/core/run-batch.js";
import { BatchProcessingError, messageOf } from "../../src/errors.js";
import { openPageSource } from "../../src/io/open-source.js";
import { entryNames, writeZip } from "../support/archives.js";
import { colourPage, linePage, writeChapter } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { ONE_THREAD, SMALL_MODEL } from "../support/shared-models.js";

let root: string;
let engine: Engine | undefined;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-e2e-"));
});

afterAll(async () => {
  await engine?.close();
  await rm(root, { recursive: true, force: true });
});

describe("a chapter", () => {
  it("goes from CBZ to CBZ, references told apart by themselves, other files carried over", async () => {
    await writeChapter(at("chapter.cbz"), 3);
    const result = await runCli([
      "colorize",
      "--input-zip",
      at("chapter.cbz"),
      "--output-zip",
      at("out.cbz"),
      "--model",
      SMALL_MODEL,
      "--steps",
      "2",
    ]);
    expect(result.stderr).toContain("3 of 3 pages coloured");
    expect(result).toMatchObject({ code: 0, stdout: `${at("out.cbz")}\n` });
    expect((await entryNames(at("out.cbz"))).toSorted()).toEqual(
      [
        "ComicInfo.xml",
        "p1_colorized.png",
        "p2_colorized.png",
        "p3_colorized.png",
        "processing_metadata.json",
        "ref_a.jpg",
        "ref_b.jpg",
      ].toSorted(),
    );
    const source = await openPageSource(at("out.cbz"));
    const read = async (name: string): Promise<Uint8Array> =>
      source
        .entries()
        .find((entry) => entry.name === name)!
        .read();
    const picture = await sharp(await read("p1_colorized.png")).metadata();
    expect([picture.width, picture.height, picture.channels]).toEqual([200, 280, 3]);
    const metadata = JSON.parse(Buffer.from(await read("processing_metadata.json")).toString()) as Record<
      string,
      unknown
    >;
    expect(metadata).toMatchObject({
      created_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/) as string,
      cobra_version: "0.1.0",
      model: { name: "cobra-small", trained: false, hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      settings: { numInferenceSteps: 2, topK: 3, ink: "page" },
      references: ["ref_a.jpg", "ref_b.jpg"],
    });
    expect(metadata["pages"]).toHaveLength(3);
    await source.close();
  });
});

describe("bad input", () => {
  it.each([
    [
      "a path that does not exist",
      async () => ({ inputZip: at("nowhere.cbz") }),
      /nowhere\.cbz.*\[ERR_INPUT_NOT_FOUND\]/,
    ],
    [
      "an empty ZIP",
      async () => ({ inputZip: await writeZip(at("empty.zip"), {}) }),
      /empty\.zip.*\[ERR_INPUT_EMPTY\]/,
    ],
    [
      "a ZIP without a picture",
      async () => ({ inputZip: await writeZip(at("text.zip"), { "readme.txt": "hello" }) }),
      /text\.zip.*no picture.*\[ERR_INPUT_EMPTY\]/,
    ],
    [
      "a ZIP that is none",
      async () => (await writeFile(at("fake.zip"), "not a zip"), { inputZip: at("fake.zip") }),
      /fake\.zip.*\[ERR_ZIP_FORMAT\]/,
    ],
    [
      "a text file that is called a picture",
      async () => (await writeFile(at("lone.png"), "text"), { inputDir: at("lone.png") }),
      /holds no picture that can be read.*plain text.*\[ERR_INPUT_EMPTY\]/,
    ],
    [
      "a chapter without a coloured page",
      async () => ({ inputZip: await writeZip(at("grey.cbz"), { "1.png": await linePage(1) }) }),
      /holds no coloured picture.*--reference-dir.*\[ERR_NO_REFERENCES\]/,
    ],
    [
      "a chapter without line art",
      async () => ({ inputZip: await writeZip(at("colour.cbz"), { "1.jpg": await colourPage(1) }) }),
      /coloured already.*\[ERR_INPUT_EMPTY\]/,
    ],
  ])("refuses %s and writes nothing", async (_what, input, message) => {
    engine ??= await Engine.open({ model: SMALL_MODEL, session: ONE_THREAD });
    const { config } = parseBatchConfig({ ...(await input()), outputZip: at("never.cbz") });
    const refused = await runBatch(engine, config).catch((error: unknown) => error);
    expect(refused instanceof BatchProcessingError && `${messageOf(refused)} [${refused.code}]`).toMatch(message);
    expect((await readdir(root)).filter((name) => name.includes("never"))).toEqual([]);
  });

  it("says with exit code 1 why nothing was coloured", async () => {
    const input = await writeZip(at("text.zip"), { "readme.txt": "hello" });
    const result = await runCli(["colorize", input, "--output-zip", at("never.cbz"), "--model", SMALL_MODEL]);
    expect(result.stderr).toMatch(/text\.zip.*no picture.*\[ERR_INPUT_EMPTY\]/);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect((await readdir(root)).filter((name) => name.includes("never"))).toEqual([]);
  });
});
