// A small chapter for end-to-end tests: line-art pages and coloured references, drawn here.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { writeZip } from "./archives.js";

function drawing(seed: number, coloured: boolean): string {
  const fill = (hue: number): string => (coloured ? `hsl(${(hue + seed * 40) % 360}, 80%, 55%)` : "white");
  const x = 60 + (seed % 3) * 20;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="280">
    <rect width="200" height="280" fill="${coloured ? fill(200) : "white"}"/>
    <g stroke="black" stroke-width="3">
      <rect x="8" y="8" width="184" height="264" fill="none"/>
      <circle cx="${x}" cy="90" r="40" fill="${fill(20)}"/>
      <path d="M${x - 40} 130 h80 l20 120 h-120 z" fill="${fill(130)}"/>
      <ellipse cx="150" cy="45" rx="35" ry="22" fill="white"/>
    </g></svg>`;
}

/** A line-art page, PNG. */
export function linePage(seed = 0): Promise<Buffer> {
  return sharp(Buffer.from(drawing(seed, false)))
    .removeAlpha()
    .png()
    .toBuffer();
}

/** A line-art page that no other seed gives: the drawings of `linePage` repeat. */
export async function onlyPage(seed: number): Promise<Buffer> {
  return Buffer.concat([await linePage(seed), Buffer.from(`page ${seed}`)]);
}

/** A coloured reference, JPEG: its many colours make it one. */
export function colourPage(seed = 0): Promise<Buffer> {
  return sharp(Buffer.from(drawing(seed, true)))
    .removeAlpha()
    .jpeg({ quality: 80 })
    .toBuffer();
}

/** Files of a chapter: `pages` line-art pages, two references, ComicInfo.xml. */
export async function chapterFiles(pages: number): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = { "ComicInfo.xml": Buffer.from("<ComicInfo><Title>Test</Title></ComicInfo>") };
  for (let page = 1; page <= pages; page++) files[`p${page}.png`] = await linePage(page);
  files["ref_a.jpg"] = await colourPage(1);
  files["ref_b.jpg"] = await colourPage(2);
  return files;
}

/** Writes files below a folder. */
export async function writeFolder(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

/** A chapter as CBZ. */
export async function writeChapter(
  path: string,
  pages: number,
  extra: Readonly<Record<string, Buffer>> = {},
): Promise<string> {
  return writeZip(path, { ...(await chapterFiles(pages)), ...extra });
}
