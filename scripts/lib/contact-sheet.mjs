// One picture of a coloured chapter: the references in the first row, the coloured pages below.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { ROOT } from "./steps.mjs";

const TILE_HEIGHT_PX = 420;
const GAP_PX = 12;
const PAPER = "#d8d8d8";

async function tile(bytes) {
  const { data, info } = await sharp(bytes)
    .resize({ height: TILE_HEIGHT_PX })
    .png()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width };
}

/** Lays the pictures of an archive out and writes a PNG. Coloured pages are known by their name. */
export async function writeContactSheet(archivePath, sheetPath) {
  const { openPageSource } = await import(pathToFileURL(join(ROOT, "dist/io/open-source.js")).href);
  const source = await openPageSource(archivePath);
  try {
    const images = source.entries().filter((entry) => entry.kind === "image");
    const isPage = (entry) => entry.name.includes("_colorized");
    const rows = await Promise.all(
      [images.filter((entry) => !isPage(entry)), images.filter(isPage)].map((row) =>
        Promise.all(row.map(async (entry) => tile(await entry.read()))),
      ),
    );
    const widthOf = (row) => row.reduce((sum, one) => sum + one.width + GAP_PX, GAP_PX);
    const pieces = rows.flatMap((row, number) => {
      let left = GAP_PX;
      return row.map(({ data, width }) => {
        const piece = { input: data, left, top: GAP_PX + number * (TILE_HEIGHT_PX + GAP_PX) };
        left += width + GAP_PX;
        return piece;
      });
    });
    const size = { width: Math.max(...rows.map(widthOf)), height: GAP_PX + rows.length * (TILE_HEIGHT_PX + GAP_PX) };
    await sharp({ create: { ...size, channels: 3, background: PAPER } })
      .composite(pieces)
      .png({ compressionLevel: 9 })
      .toFile(sheetPath);
  } finally {
    await source.close();
  }
}
