// Draws the sample chapter and packs it: `node scripts/sample/draw.mjs [--out file.cbz] [--pictures folder]`.
// Seeded and without fonts; the same machine code gives the same bytes. `chapter.cbz` beside this file is its committed result.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { ZipFile } from "yazl";
import { drawChapter } from "./pages.mjs";

const COMIC_INFO = `<?xml version="1.0" encoding="utf-8"?>
<ComicInfo xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Title>The Map of Windy Hill</Title>
  <Series>Windy Hill</Series>
  <Number>1</Number>
  <Summary>Rosa, Teo and Mochi follow a map. Drawn by the cobra-batch sample script.</Summary>
  <PageCount>8</PageCount>
</ComicInfo>
`;

/** Rounds to a few steps between black and white, which the eye hardly sees and which halves the files. */
function quantize(samples, steps) {
  for (let i = 0; i < samples.length; i++) samples[i] = Math.round((Math.round((samples[i] / 255) * steps) / steps) * 255);
}

/** PNG files by name: gray for pages, RGB for reference sheets. */
export async function renderChapter() {
  const pictures = {};
  for (const [name, svg] of Object.entries(drawChapter())) {
    const drawn = sharp(Buffer.from(svg)).flatten({ background: "#fff" });
    if (!name.startsWith("ref")) drawn.toColourspace("b-w");
    const { data, info } = await drawn.raw().toBuffer({ resolveWithObject: true });
    quantize(data, info.channels === 1 ? 15 : 36);
    const picture = sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
    if (info.channels === 1) picture.toColourspace("b-w");
    pictures[name] = await picture.png({ compressionLevel: 9 }).toBuffer();
  }
  return pictures;
}

/** The archive's bytes. */
async function pack(files) {
  const zip = new ZipFile();
  for (const [name, bytes] of Object.entries(files)) zip.addBuffer(bytes, name, { compress: false, mtime: new Date(2000, 0, 1), forceDosTimestamp: true, mode: 0o100644 });
  zip.end();
  const chunks = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function main() {
  const { values } = parseArgs({ options: { out: { type: "string", default: fileURLToPath(new URL("chapter.cbz", import.meta.url)) }, pictures: { type: "string" } } });
  const pictures = await renderChapter();
  if (values.pictures !== undefined) {
    mkdirSync(values.pictures, { recursive: true });
    for (const [name, bytes] of Object.entries(pictures)) writeFileSync(join(values.pictures, name), bytes);
  }
  const archive = await pack({ ...pictures, "ComicInfo.xml": Buffer.from(COMIC_INFO) });
  writeFileSync(values.out, archive);
  console.log(`${values.out}: ${archive.byteLength} bytes, ${Object.keys(pictures).length} pictures`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
