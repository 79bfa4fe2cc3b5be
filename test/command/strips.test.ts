// A webtoon strip of 800 x 20,000 and a double spread through the command with the embedded model: own size, own ink,
// no visible cut through figures.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blankStretches, planTiles } from "../../src/colorization/page/tiling.js";
import type { PageSuccess } from "../../src/core/events.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { openPageSource } from "../../src/io/open-source.js";
import { openModelPackage } from "../../src/model/package.js";
import { defaultModelDirectory } from "../../src/model/default-model.js";
import { modelBuckets } from "../../src/colorization/cobra/pipeline.js";
import { writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { drawn, pixel, type Picture } from "../support/drawn-page.js";

let root: string;
const pages = new Map<string, Picture>();
const results = new Map<string, { picture: Picture; success: PageSuccess }>();

/**
 * Panels of the sample chapter (page, left, top, width, height), without their frames, so that cuts go through figures.
 */
const PANELS = [
  ["003", 30, 440, 340, 720],
  ["005", 30, 120, 340, 540],
  ["004", 480, 80, 340, 480],
] as const;

/** Figures one below the other without a gutter, and at the end a page with gutters. */
async function strip(): Promise<Picture> {
  const files = await chapter();
  const panels = await Promise.all(
    PANELS.map(([page, left, top, width, height]) =>
      sharp(files.get(`${page}.png`)!)
        .extract({ left, top, width, height })
        .toColourspace("b-w")
        .png()
        .toBuffer(),
    ),
  );
  const parts: Buffer[] = [];
  let height = 0;
  for (let i = 0; height < 18_000; i++) {
    parts.push(
      await sharp(panels[i % panels.length]!)
        .resize({ width: 800 })
        .removeAlpha()
        .toColourspace("srgb")
        .raw()
        .toBuffer(),
    );
    height += parts.at(-1)!.byteLength / 2400;
  }
  parts.push(
    await sharp(files.get("001.png")!)
      .resize({ width: 800, height: 20_000 - height, fit: "fill" })
      .removeAlpha()
      .toColourspace("srgb")
      .raw()
      .toBuffer(),
  );
  return { width: 800, height: 20_000, channels: 3, data: new Uint8Array(Buffer.concat(parts)) };
}

async function chapter(): Promise<Map<string, Uint8Array>> {
  const source = await openPageSource(fileURLToPath(new URL("../../scripts/sample/chapter.cbz", import.meta.url)));
  try {
    return new Map(await Promise.all(source.entries().map(async (entry) => [entry.name, await entry.read()] as const)));
  } finally {
    await source.close();
  }
}

/** Two framed pages of rooms with a gutter between them. */
const spread = (): Picture =>
  drawn(1400, 1000, (x, y) => {
    const u = x < 700 ? x : x - 700;
    if (u < 24 || u >= 676 || y < 24 || y >= 976) return 255;
    const wave = 8 * Math.sin((x + y) / 31);
    return [26, 240, 460, 673].some((place) => Math.abs(u - place - (place > 100 && place < 600 ? wave : 0)) < 3) ||
      [26, 330, 660, 973].some((place) => Math.abs(y - place - (place > 100 && place < 900 ? wave : 0)) < 3)
      ? 0
      : 255;
  });

const png = ({ data, width, height }: Picture): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png({ compressionLevel: 1 })
    .toBuffer();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-strips-"));
  pages.set("strip.png", await strip());
  pages.set("spread.png", spread());
  for (const [name, page] of pages) await writeFolder(join(root, "in"), { [name]: await png(page) });
  const files = await chapter();
  await writeFolder(
    join(root, "refs"),
    Object.fromEntries(["ref_a.png", "ref_b.png", "ref_c.png"].map((file) => [file, files.get(file)!])),
  );
  const args = [
    "colorize",
    join(root, "in"),
    "--reference-dir",
    join(root, "refs"),
    "--output-dir",
    join(root, "out"),
    "--json",
  ];
  const { code, stdout, stderr } = await runCli(args);
  expect(code, stderr).toBe(0);
  for (const line of stdout.trim().split("\n")) {
    const event = JSON.parse(line) as { type: string } & PageSuccess;
    if (event.type === "page-completed")
      results.set(event.page, {
        success: event,
        picture: (await decodeImage(await readFile(event.output), event.page)).image as Picture,
      });
  }
}, 300_000);

afterAll(() => rm(root, { recursive: true, force: true }));

describe.each(["strip.png", "spread.png"])("%s", (name) => {
  it("comes back at its own size with its own ink", () => {
    const page = pages.get(name)!;
    const { picture } = results.get(name)!;
    expect([picture.width, picture.height]).toEqual([page.width, page.height]);
    let lost = 0;
    for (let i = 0; i < page.data.length; i += 3)
      if (page.data[i]! <= 24 && picture.data[i]! + picture.data[i + 1]! + picture.data[i + 2]! !== 3 * page.data[i]!)
        lost++;
    expect(lost).toBe(0);
  });
});

describe("a strip of 800 x 20,000", () => {
  // Seams in blank rows are left out: each part colours an open background as it sees it (docs/formats.md).
  it("has no visible cut where parts overlap: a region's colour changes no more than elsewhere", async () => {
    const page = pages.get("strip.png")!;
    const { picture, success } = results.get("strip.png")!;
    const plan = planTiles(page, modelBuckets(await openModelPackage(defaultModelDirectory())))!;
    expect(success.tiles).toBe(plan.tiles.length);
    /** Columns without ink between two rows, and how far the colours at their ends lie apart. */
    const change = (from: number, to: number): number[] => {
      const found: number[] = [];
      for (let x = 0; x < page.width; x++) {
        let clear = true;
        for (let y = from; clear && y <= to; y++) clear = page.data[3 * (y * page.width + x)]! > 200;
        if (clear)
          found.push(Math.hypot(...pixel(picture, x, from).map((value, c) => value - pixel(picture, x, to)[c]!)));
      }
      return found;
    };
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const overlaps = plan.seams.filter(({ from, to }) => to - from > 100);
    expect(overlaps.length).toBeGreaterThan(10);
    const across = overlaps.flatMap(({ from, to }) => change(from - 8, to + 8));
    const elsewhere = Array.from({ length: 38 }, (_, i) => 500 * i + 20)
      .filter((y) => plan.seams.every(({ from, to }) => y + 170 < from || y > to + 16))
      .flatMap((y) => change(y, y + 158));
    expect(across.length).toBeGreaterThan(1000);
    expect(mean(across)).toBeLessThan(mean(elsewhere) + 4);
  });

  it("is coloured at all", () => {
    const { picture } = results.get("strip.png")!;
    let coloured = 0;
    for (let i = 0; i < picture.data.length; i += 3)
      coloured += Number(
        Math.max(picture.data[i]!, picture.data[i + 1]!, picture.data[i + 2]!) -
          Math.min(picture.data[i]!, picture.data[i + 1]!, picture.data[i + 2]!) >
          20,
      );
    expect(coloured / (picture.width * picture.height)).toBeGreaterThan(0.2);
  });
});

describe("a double spread", () => {
  it("is two tiles, its gutter and margins are white", () => {
    const { picture, success } = results.get("spread.png")!;
    expect(success.tiles).toBe(2);
    expect(blankStretches(pages.get("spread.png")!, "columns").some(({ from, to }) => from <= 700 && to >= 700)).toBe(
      true,
    );
    for (let y = 0; y < 1000; y++)
      for (const x of [4, 690, 700, 710, 1395]) expect(pixel(picture, x, y)).toEqual([255, 255, 255]);
  });
});
