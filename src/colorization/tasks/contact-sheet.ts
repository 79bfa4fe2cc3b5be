/**
 * Pictures side by side with a line of text below each, drawn without fonts: the sheet on which a preview of several
 * seeds is judged.
 */
import { resize, toRgb } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";

/** A picture and what stands below it: capital letters, digits, spaces; anything else is left blank. */
interface LabelledPicture {
  readonly label: string;
  readonly image: RasterImage;
}

interface ContactSheetTask {
  readonly rows: readonly (readonly LabelledPicture[])[];
}

const TILE_WIDTH_PX = 360;
const GAP_PX = 12;
const DOT_PX = 3;
const LABEL_PX = 7 * DOT_PX + GAP_PX;
const PAPER = 236;
const INK = 24;

/** Letters of 5 x 7 dots, a row a number of five bits. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  "0": [14, 17, 19, 21, 25, 17, 14],
  "1": [4, 12, 4, 4, 4, 4, 14],
  "2": [14, 17, 1, 2, 4, 8, 31],
  "3": [31, 2, 4, 2, 1, 17, 14],
  "4": [2, 6, 10, 18, 31, 2, 2],
  "5": [31, 16, 30, 1, 1, 17, 14],
  "6": [6, 8, 16, 30, 17, 17, 14],
  "7": [31, 1, 2, 4, 8, 8, 8],
  "8": [14, 17, 17, 14, 17, 17, 14],
  "9": [14, 17, 17, 15, 1, 2, 12],
  S: [15, 16, 16, 14, 1, 1, 30],
  E: [31, 16, 16, 30, 16, 16, 31],
  D: [30, 17, 17, 17, 17, 17, 30],
};

/** Lays pictures out in rows, all of one width. */
export function contactSheet({ rows }: ContactSheetTask): RasterImage {
  const tiles = rows.map((row) =>
    row.map(({ label, image }) => ({
      label,
      image: resize(toRgb(image), TILE_WIDTH_PX, Math.max(1, Math.round((image.height * TILE_WIDTH_PX) / image.width))),
    })),
  );
  const heights = tiles.map((row) => Math.max(...row.map(({ image }) => image.height)) + LABEL_PX + GAP_PX);
  const width = GAP_PX + Math.max(...tiles.map((row) => row.length)) * (TILE_WIDTH_PX + GAP_PX);
  const height = GAP_PX + heights.reduce((sum, one) => sum + one, 0);
  const sheet: RasterImage = { width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(PAPER) };
  let top = GAP_PX;
  for (const [number, row] of tiles.entries()) {
    for (const [column, { label, image }] of row.entries()) {
      const left = GAP_PX + column * (TILE_WIDTH_PX + GAP_PX);
      for (let y = 0; y < image.height; y++)
        sheet.data.set(
          image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3),
          ((top + y) * width + left) * 3,
        );
      drawText(sheet, label, left, top + image.height + GAP_PX / 2);
    }
    top += heights[number]!;
  }
  return sheet;
}

function drawText({ data, width }: RasterImage, text: string, left: number, top: number): void {
  for (const [position, letter] of [...text].entries()) {
    for (const [row, bits] of (GLYPHS[letter] ?? []).entries()) {
      for (let column = 0; column < 5; column++) {
        if ((bits & (16 >> column)) === 0) continue;
        const x = left + (position * 6 + column) * DOT_PX;
        for (let y = top + row * DOT_PX; y < top + (row + 1) * DOT_PX; y++)
          data.fill(INK, (y * width + x) * 3, (y * width + x + DOT_PX) * 3);
      }
    }
  }
}
