// Pages in every picture format through the command: each comes back in its format, at its size, with its own ink,
// density and profile.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchEvent, PageFailure, PageSuccess } from "../../src/core/events.js";
import { isSrgb } from "../../src/io/image/headers/color-profile.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { sniffFormat, type ImageFormat } from "../../src/io/image/headers/image-format.js";
import { isLossless } from "../../src/io/image/headers/lossless.js";
import { colourPage, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { bilevelTiff, pngFile } from "../support/picture-files.js";
import { SMALL_MODEL } from "../support/shared-models.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-formats-"));
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
});

afterAll(() => rm(root, { recursive: true, force: true }));

const [WIDTH, HEIGHT] = [96, 130];

/** Black where a page has ink: a frame, and its number as squares, so that no page is like another. */
function isInk(x: number, y: number, page: number): boolean {
  const frame = x < 4 || y < 4 || x >= WIDTH - 4 || y >= HEIGHT - 4;
  const bit = Math.floor((y - 12) / 14);
  return frame || (bit >= 0 && bit < 7 && (y - 12) % 14 < 10 && x >= 20 && x < (((page >> bit) & 1) === 1 ? 70 : 30));
}

const bits = (page: number): number[] =>
  Array.from({ length: WIDTH * HEIGHT }, (_, i) => Number(isInk(i % WIDTH, Math.floor(i / WIDTH), page)));
/** Samples of `channels`, black and `white`. */
const samples = (page: number, channels: number, white = 255): number[] =>
  bits(page).flatMap((bit) => Array<number>(channels).fill(bit === 1 ? 0 : white));

function drawing(page: number, channels: 1 | 3 = 3): Sharp {
  const picture = sharp(Uint8Array.from(samples(page, channels)), {
    raw: { width: WIDTH, height: HEIGHT, channels },
  }).withDensity(300);
  return channels === 1 ? picture.toColourspace("b-w") : picture;
}

const plain = { width: WIDTH, height: HEIGHT };
const withAlpha = (page: number, channels: 2 | 4): number[] =>
  bits(page).flatMap((bit) => [...Array<number>(channels - 1).fill(0), bit === 1 ? 255 : 0]);

/** A PNG whose header says another size. */
function statedSize(png: Buffer, side: number): Buffer {
  png.writeUInt32BE(side, 16);
  png.writeUInt32BE(side, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

async function severalPages(page: number, format: "tiff" | "gif" | "webp"): Promise<Buffer> {
  const both = Uint8Array.from([...samples(page, 3), ...samples(127 - page, 3)]);
  return sharp(both, { raw: { width: WIDTH, height: 2 * HEIGHT, channels: 3, pageHeight: HEIGHT } as never })
    .toFormat(format, { lossless: true })
    .toBuffer();
}

/** Files by name; the number in a name is the page's. The format that comes back stands beside it. */
const FORMS: readonly [name: string, format: string, file: (page: number) => Buffer | Promise<Buffer>][] = [
  [
    "1-gray.png",
    "png",
    (page) => pngFile({ ...plain, depth: 8, colourType: 0, samples: samples(page, 1), pixelsPerMetre: 11811 }),
  ],
  ["2-one-bit.png", "png", (page) => pngFile({ ...plain, depth: 1, colourType: 0, samples: samples(page, 1, 1) })],
  ["3-two-bits.png", "png", (page) => pngFile({ ...plain, depth: 2, colourType: 0, samples: samples(page, 1, 3) })],
  ["4-four-bits.png", "png", (page) => pngFile({ ...plain, depth: 4, colourType: 0, samples: samples(page, 1, 15) })],
  ["5-sixteen.png", "png", (page) => pngFile({ ...plain, depth: 16, colourType: 0, samples: samples(page, 1, 65535) })],
  [
    "6-deep-rgb.png",
    "png",
    (page) => pngFile({ ...plain, depth: 16, colourType: 2, samples: samples(page, 3, 65535) }),
  ],
  [
    "7-palette.png",
    "png",
    (page) =>
      pngFile({
        ...plain,
        depth: 4,
        colourType: 3,
        samples: samples(page, 1, 5),
        palette: [0, 0, 0, 9, 9, 9, 8, 8, 8, 7, 7, 7, 6, 6, 6, 255, 255, 255],
      }),
  ],
  ["8-clear-gray.png", "png", (page) => pngFile({ ...plain, depth: 8, colourType: 4, samples: withAlpha(page, 2) })],
  ["9-clear.PNG", "png", (page) => pngFile({ ...plain, depth: 8, colourType: 6, samples: withAlpha(page, 4) })],
  ["10-gray.jpg", "jpeg", (page) => drawing(page, 1).jpeg({ quality: 95 }).toBuffer()],
  ["11-progressive.jpeg", "jpeg", (page) => drawing(page).jpeg({ quality: 95, progressive: true }).toBuffer()],
  ["12-cmyk.jpg", "jpeg", (page) => drawing(page).toColourspace("cmyk").jpeg({ quality: 97 }).toBuffer()],
  [
    "13-turned.jpg",
    "jpeg",
    async (page) =>
      sharp(await drawing(page).rotate(-90).png().toBuffer())
        .withMetadata({ orientation: 6, density: 300 })
        .jpeg({ quality: 95 })
        .toBuffer(),
  ],
  ["14-old-name.jfif", "jpeg", (page) => drawing(page).jpeg({ quality: 95 }).toBuffer()],
  ["15-lossy.webp", "webp", (page) => drawing(page).webp({ quality: 95 }).toBuffer()],
  ["16-lossless.webp", "webp", (page) => drawing(page).webp({ lossless: true }).toBuffer()],
  ["17-moving.webp", "webp", (page) => severalPages(page, "webp")],
  [
    "18-fax.tif",
    "tiff",
    (page) =>
      drawing(page, 1)
        .tiff({ bitdepth: 1, compression: "ccittfax4", xres: 300 / 25.4, yres: 300 / 25.4 })
        .toBuffer(),
  ],
  ["19-scan.tiff", "tiff", (page) => bilevelTiff(WIDTH, HEIGHT, bits(page), true)],
  [
    "20-deep.tif",
    "tiff",
    (page) =>
      sharp(Uint16Array.from(samples(page, 1, 65535)) as never, {
        raw: { ...plain, channels: 1, depth: "ushort" } as never,
      })
        .toColourspace("grey16")
        .tiff()
        .toBuffer(),
  ],
  ["21-pages.tif", "tiff", (page) => severalPages(page, "tiff")],
  ["22-page.avif", "avif", (page) => drawing(page).avif({ quality: 90 }).toBuffer()],
  ["23-moving.gif", "png", (page) => severalPages(page, "gif")],
  ["24-wrong-name.png", "png", (page) => drawing(page).jpeg({ quality: 95 }).toBuffer()],
  ["25-wide-profile.png", "png", (page) => drawing(page).withIccProfile("p3").png().toBuffer()],
  ["26-lossless.avif", "avif", (page) => drawing(page).avif({ lossless: true }).toBuffer()],
];

const BAD: Readonly<Record<string, () => Buffer | Promise<Buffer>>> = {
  "40-zero.png": () => Buffer.alloc(0),
  "41-text.jpg": () => Buffer.from("a text called a picture"),
  "42-cut.png": async () => (await drawing(42).png().toBuffer()).subarray(0, 300),
  "43-cut.jpg": async () => (await drawing(43).jpeg().toBuffer()).subarray(0, 1500),
  "44-header.webp": async () => (await drawing(44).webp().toBuffer()).subarray(0, 16),
  "45-huge.png": () => statedSize(pngFile({ ...plain, depth: 1, colourType: 0, samples: samples(45, 1, 1) }), 20_000),
  "46-drawing.png": () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
};

async function run(
  name: string,
  files: Readonly<Record<string, Buffer>>,
  ...flags: string[]
): Promise<{
  code: number | null;
  events: BatchEvent[];
  done: Map<string, PageSuccess>;
  failed: Map<string, PageFailure>;
}> {
  await writeFolder(at(name), files);
  const result = await runCli([
    "colorize",
    at(name),
    "--output-dir",
    at(`${name}-out`),
    "--reference-dir",
    at("refs"),
    "--model",
    SMALL_MODEL,
    "--steps",
    "1",
    "--threads",
    "1",
    "--json",
    ...flags,
  ]);
  const events = result.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as BatchEvent);
  const done = new Map(
    events.flatMap((event) => (event.type === "page-completed" ? [[event.page, event] as const] : [])),
  );
  const failed = new Map(
    events.flatMap((event) => (event.type === "page-failed" ? [[event.page, event] as const] : [])),
  );
  return { code: result.code, events, done, failed };
}

/**
 * The share of a page's ink that is dark in a picture and of its paper beside it that is not; lossy formats leave a few
 * pixels.
 */
async function likeness(path: string, page: number): Promise<{ ink: number; paper: number }> {
  const { image } = await decodeImage(await readFile(path), path);
  expect([image.width, image.height]).toEqual([WIDTH, HEIGHT]);
  let [ink, paper, inks, papers] = [0, 0, 0, 0];
  bits(page).forEach((bit, i) => {
    const dark = Math.max(...image.data.subarray(3 * i, 3 * i + 3)) < 90;
    if (bit === 1) [inks, ink] = [inks + 1, ink + Number(dark)];
    else [papers, paper] = [papers + 1, paper + Number(!dark)];
  });
  return { ink: ink / inks, paper: paper / papers };
}

describe("a folder of every format", () => {
  it("comes back page by page: format, size, own ink, density, profile; bad files are named and the others go on", async () => {
    const pages = Object.fromEntries(
      await Promise.all(
        FORMS.map(async ([name, , file]) => [name, Buffer.from(await file(Number.parseInt(name, 10)))] as const),
      ),
    );
    const bad = Object.fromEntries(
      await Promise.all(Object.entries(BAD).map(async ([name, file]) => [name, await file()] as const)),
    );
    const { code, events, done, failed } = await run("all", { ...pages, ...bad });
    expect(code).toBe(2);
    expect([...done.keys()]).toEqual(FORMS.map(([name]) => name));
    expect([...failed.keys()]).toEqual(Object.keys(BAD));
    expect([...failed.values()].map(({ code: reason }) => reason)).toEqual(
      Object.keys(BAD).map((name) =>
        name.includes("huge")
          ? "ERR_IMAGE_LIMIT"
          : name.includes("drawing")
            ? "ERR_IMAGE_UNSUPPORTED"
            : "ERR_IMAGE_DECODE",
      ),
    );
    for (const [name, format] of FORMS) {
      const bytes = await readFile(done.get(name)!.output);
      expect([name, sniffFormat(bytes).format]).toEqual([name, format]);
      const { ink, paper } = await likeness(done.get(name)!.output, Number.parseInt(name, 10));
      expect([name, ink > 0.97, paper > 0.9]).toEqual([name, true, true]);
    }
    const lossless = async (name: string): Promise<boolean> =>
      isLossless(await readFile(done.get(name)!.output), FORMS.find(([own]) => own === name)![1] as ImageFormat);
    expect(
      await Promise.all(
        ["15-lossy.webp", "16-lossless.webp", "17-moving.webp", "22-page.avif", "26-lossless.avif"].map(lossless),
      ),
    ).toEqual([false, true, true, false, true]);
    const density = async (name: string): Promise<number | undefined> =>
      (await decodeImage(await readFile(done.get(name)!.output), name)).info.density;
    for (const name of [
      "1-gray.png",
      "11-progressive.jpeg",
      "13-turned.jpg",
      "15-lossy.webp",
      "18-fax.tif",
      "19-scan.tiff",
      "22-page.avif",
    ])
      expect([name, Math.round((await density(name)) ?? 0)]).toEqual([name, 300]);
    const icc = async (name: string): Promise<Buffer | undefined> =>
      (await sharp(done.get(name)!.output).metadata()).icc;
    expect(
      (await icc("25-wide-profile.png"))!.equals((await sharp(pages["25-wide-profile.png"]).metadata()).icc!),
    ).toBe(true);
    expect(isSrgb((await icc("12-cmyk.jpg")) ?? Buffer.alloc(0)) || (await icc("12-cmyk.jpg")) === undefined).toBe(
      true,
    );
    expect(await icc("1-gray.png")).toBeUndefined();
    const warned = events.flatMap((event) =>
      event.type === "warning" && event.page !== undefined ? [event.page] : [],
    );
    expect(warned).toEqual(["17-moving.webp", "21-pages.tif", "23-moving.gif"]);
  }, 240_000);

  it("takes another format for all with --format, and its options", async () => {
    const pages = Object.fromEntries(
      await Promise.all(
        FORMS.filter((_, i) => i % 9 === 0).map(
          async ([name, , file]) => [name, Buffer.from(await file(Number.parseInt(name, 10)))] as const,
        ),
      ),
    );
    for (const [flags, extension, format] of [
      [["--format", "webp", "--lossless"], /_colorized\.webp$/u, "webp"],
      [["--format", "jpeg", "--quality", "60"], /_colorized\.jpg$/u, "jpeg"],
      [["--format", "tiff"], /_colorized\.tiff?$/u, "tiff"],
      [["--format", "avif", "--quality", "30"], /_colorized\.avif$/u, "avif"],
    ] as const) {
      await rm(at("again-out"), { recursive: true, force: true });
      const { code, done } = await run("again", pages, ...flags);
      expect(code).toBe(0);
      for (const [name, { output }] of done) {
        expect(output).toMatch(extension);
        expect(sniffFormat(await readFile(output)).format).toBe(format);
        const { ink } = await likeness(output, Number.parseInt(name, 10));
        expect([name, flags, ink > 0.9]).toEqual([name, flags, true]);
      }
    }
  }, 240_000);

  it("refuses a format that is not written and a quality out of range, both at once", async () => {
    await writeFile(at("lone.png"), await drawing(1).png().toBuffer());
    const result = await runCli([
      "colorize",
      at("lone.png"),
      "--output-dir",
      at("never"),
      "--format",
      "gif",
      "--quality",
      "0",
      "--model",
      SMALL_MODEL,
    ]);
    expect(result.code).toBe(64);
    expect(result.stderr).toMatch(/--format.*\n.*--quality/u);
    expect(await readdir(root)).not.toContain("never");
  });
});
