/** The pages that are measured: a person's own or drawn ones, laid into a temporary folder as a chapter of any length. */
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import sharp from "sharp";
import { TaskPool } from "../../colorization/tasks/pool.js";
import { parseBatchConfig, type BatchConfigInput } from "../../config/batch-config.js";
import { scanInput } from "../../core/input/scan-input.js";
import { ZipWriter } from "../../io/archive/zip-writer.js";
import { Random } from "../statistics/random.js";

/** Pages to measure with, and where they lie. */
export interface MeasuredPages {
  /** How many different ones there are. */
  readonly count: number;
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

/** Reads a person's own pages. Rejects as a batch does for an input without pages or references. */
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
        pages: await Promise.all(pages.map(read)),
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

/** Pages that are drawn: so many, of a size, with references in colour. */
export async function drawnPages(
  { width, height }: { readonly width: number; readonly height: number },
  folder: string,
  count = 6,
): Promise<MeasuredPages> {
  const random = new Random(width * 100_003 + height);
  const draw = async (name: string, isColoured: boolean): Promise<Picture> => ({
    name,
    bytes: await sharp(Buffer.from(drawing(width, height, random, isColoured)))
      .flatten({ background: "#ffffff" })
      .toColourspace(isColoured ? "srgb" : "b-w")
      .png()
      .toBuffer(),
  });
  const pages: Picture[] = [];
  for (let page = 1; page <= count; page++) pages.push(await draw(`${page}.png`, false));
  const references = [await draw("reference_1.png", true), await draw("reference_2.png", true)];
  return layPages(folder, { pages, references, name: `${width}x${height}, drawn`, storage: "folder" });
}

/** A picture with panels, curves and text-like strokes, as SVG. */
function drawing(width: number, height: number, random: Random, isColoured: boolean): string {
  const colour = (): string => (isColoured ? `hsl(${random.below(360)} 70% ${45 + random.below(35)}%)` : "none");
  const at = (limit: number): number => Math.round(random.next() * limit);
  const shapes = Array.from({ length: 60 }, () => {
    const [x, y] = [at(width), at(height)];
    const size = (0.03 + 0.12 * random.next()) * width;
    const [left, right, up] = [x - size, x + size, y - size * random.next()];
    return `<path d="M${left} ${y} Q${x} ${up} ${right} ${y} T${at(width)} ${at(height)}" fill="${colour()}"/><ellipse cx="${x}" cy="${y}" rx="${size}" ry="${size * 0.7}" fill="${colour()}"/>`;
  });
  const panels = [0, 1, 2, 3].map((panel) => {
    const [x, y] = [(panel % 2) * 0.5 + 0.02, Math.floor(panel / 2) * 0.5 + 0.02];
    return `<rect x="${x * width}" y="${y * height}" width="${0.46 * width}" height="${0.46 * height}" fill="none"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" stroke="#000" stroke-width="${Math.max(1, width / 500)}">${panels.join("")}${shapes.join("")}</svg>`;
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
    await mkdir(into, { recursive: true });
    for (const [index, { name, bytes }] of pictures.entries())
      await writeFile(join(into, `${number(index)}${extname(basename(name))}`), bytes);
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
    await writeFile(path, Buffer.concat([...parts, ...writer.end()]));
    return path;
  };
  return {
    count: given.pages.length,
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

function at(pictures: readonly Picture[], index: number): Picture {
  return pictures[index % pictures.length]!;
}

function number(index: number): string {
  return String(index + 1).padStart(4, "0");
}
