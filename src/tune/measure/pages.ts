/**
 * The pages that are measured: a person's own or drawn ones, laid into a temporary folder as a chapter of any length.
 */
import { createHash } from "node:crypto";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { TaskPool } from "../../colorization/tasks/pool.js";
import { parseBatchConfig, type BatchConfigInput } from "../../config/batch-config.js";
import { scanInput } from "../../core/input/scan-input.js";
import { outputError } from "../../io/files/file-errors.js";
import { ZipWriter } from "../../io/archive/zip-writer.js";
import { makeFolders } from "../../platform/folders.js";
import { sharp } from "../../io/image/sharp.js";

/** Pages to measure with, and where they lie. */
export interface MeasuredPages {
  /** How many different ones there are. */
  readonly count: number;
  /** SHA-256 of the pages and references that are measured, in their order. */
  readonly sha256: string;
  /** For reports: the input as it was named, or the size of drawn pages. */
  readonly name: string;
  readonly storage: "folder" | "archive";
  /** Input and references of a batch of so many pages; pages are repeated where there are too few. */
  input(pages: number, storage: "folder" | "archive"): Promise<BatchConfigInput>;
}

interface Picture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A sample takes no more pages, so no more of them are read. */
export const MOST_PAGES = 12;

/**
 * Reads a person's own pages; of many, `MOST_PAGES` spread evenly over the input. Rejects as a batch does for an input
 * without pages or references.
 */
export async function ownPages(settings: BatchConfigInput, folder: string): Promise<MeasuredPages> {
  const { config } = parseBatchConfig({ ...settings, outputDir: join(folder, "unused") });
  const pool = new TaskPool();
  try {
    const scan = await scanInput(pool, config, new AbortController().signal);
    try {
      const { pages, references } = scan.found;
      const read = async (entry: { readonly name: string; read(): Promise<Uint8Array> }): Promise<Picture> => ({
        name: entry.name,
        bytes: await entry.read(),
      });
      return await layPages(folder, {
        pages: await Promise.all(spread(pages, MOST_PAGES).map(read)),
        references: await Promise.all(references.map(read)),
        name: (config.inputDir ?? config.inputZip)!,
        storage: config.inputDir === undefined ? "archive" : "folder",
      });
    } finally {
      await scan.source.close();
    }
  } finally {
    await pool.close();
  }
}

/** So many of a list at most, evenly from its first to its last. */
export function spread<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, index) => items[Math.round((index * (items.length - 1)) / (most - 1))]!);
}

/** Pages that are drawn: so many, of a size, with references in colour. */
export async function drawnPages(
  { width, height }: { readonly width: number; readonly height: number },
  folder: string,
  count = 6,
): Promise<MeasuredPages> {
  const draw = async (name: string, page: number, isColoured: boolean): Promise<Picture> => {
    const channels = isColoured ? 3 : 1;
    return {
      name,
      bytes: await sharp(drawing(width, height, page, isColoured), { raw: { width, height, channels } })
        .png()
        .toBuffer(),
    };
  };
  const pages: Picture[] = [];
  for (let page = 1; page <= count; page++) pages.push(await draw(`${page}.png`, page, false));
  const references = [await draw("reference_1.png", 1, true), await draw("reference_2.png", 2, true)];
  return layPages(folder, { pages, references, name: `${width}x${height}, drawn`, storage: "folder" });
}

const FILLS: readonly (readonly [number, number, number])[] = [
  [224, 96, 72],
  [86, 132, 214],
  [244, 204, 118],
  [108, 172, 96],
  [242, 208, 186],
  [96, 70, 110],
];
/** Width of a line in widths of the page. */
const LINE = 0.0025;

/**
 * Panels with a balloon, text and hatching in each; another page has them elsewhere. Drawn by a rule for each pixel,
 * since the loader of vector pictures is blocked in the command.
 */
function drawing(width: number, height: number, page: number, isColoured: boolean): Buffer {
  const channels = isColoured ? 3 : 1;
  const data = Buffer.alloc(width * height * channels, 255);
  for (let row = 0, at = 0; row < height; row++)
    for (let column = 0; column < width; column++, at += channels) {
      const [x, y] = [(3 * column) / width, (3 * row) / width];
      const panel = Math.floor(x) + 2 * Math.floor(y) + page;
      const [u, v] = [x % 1, y % 1];
      const centre = 0.35 + 0.06 * (panel % 6);
      const radius = Math.hypot((u - centre) / 0.3, (v - 0.4) / 0.2);
      const text = radius < 0.8 && (u * 25 + panel) % 1 < 0.3 && (v * 18) % 1 < 0.6;
      const hatching = v > 0.75 && (u + v * (1 + (panel % 3))) % 0.08 < 4 * LINE;
      const isInk = Math.min(u, v) < 5 * LINE || Math.abs(radius - 1) < 12 * LINE || text || hatching;
      if (isInk) data.fill(0, at, at + channels);
      else if (isColoured && radius > 1) data.set(FILLS[panel % FILLS.length]!, at);
    }
  return data;
}

async function layPages(
  folder: string,
  given: {
    readonly pages: readonly Picture[];
    readonly references: readonly Picture[];
    readonly name: string;
    readonly storage: "folder" | "archive";
  },
): Promise<MeasuredPages> {
  const [originals, references] = [join(folder, "originals"), join(folder, "references")];
  for (const [into, pictures] of [
    [originals, given.pages],
    [references, given.references],
  ] as const) {
    await makeFolders(into);
    for (const [index, { name, bytes }] of pictures.entries())
      await store(join(into, `${number(index)}${extname(basename(name))}`), bytes);
  }
  const nameOf = (index: number): string => `${number(index)}${extname(at(given.pages, index).name)}`;
  const laid = new Map<string, Promise<string>>();
  const layFolder = async (pages: number): Promise<string> => {
    const into = join(folder, `pages-${pages}`);
    await rm(into, { recursive: true, force: true });
    await mkdir(into);
    for (let index = 0; index < pages; index++) {
      const original = index % given.pages.length;
      await link(join(originals, nameOf(original)), join(into, nameOf(index)));
    }
    return into;
  };
  const layArchive = async (pages: number): Promise<string> => {
    const path = join(folder, `pages-${pages}.cbz`);
    const writer = new ZipWriter();
    const parts = Array.from({ length: pages }, (_, index) =>
      writer.add(nameOf(index), at(given.pages, index).bytes),
    ).flat();
    await store(path, Buffer.concat([...parts, ...writer.end()]));
    return path;
  };
  return {
    count: given.pages.length,
    sha256: hashOf([...given.pages, ...given.references]),
    name: given.name,
    storage: given.storage,
    input: async (pages, storage): Promise<BatchConfigInput> => {
      const key = `${pages} ${storage}`;
      let path = laid.get(key);
      if (path === undefined) laid.set(key, (path = storage === "folder" ? layFolder(pages) : layArchive(pages)));
      const input = storage === "folder" ? { inputDir: await path } : { inputZip: await path };
      return { ...input, referenceImages: [references], imageType: "line_art" };
    },
  };
}

function hashOf(pictures: readonly Picture[]): string {
  const hash = createHash("sha256");
  for (const { bytes } of pictures) hash.update(createHash("sha256").update(bytes).digest());
  return hash.digest("hex");
}

function at(pictures: readonly Picture[], index: number): Picture {
  return pictures[index % pictures.length]!;
}

/** Writes a file of the temporary folder. Rejects with `ERR_OUTPUT_WRITE`, as where its disk is full. */
function store(path: string, bytes: Uint8Array): Promise<void> {
  return writeFile(path, bytes).catch((cause: unknown) => {
    throw outputError(path, cause);
  });
}

function number(index: number): string {
  return String(index + 1).padStart(4, "0");
}
