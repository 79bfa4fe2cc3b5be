/**
 * A page's hints for its tiles: prepared once for the whole page, so that regions grow across cuts, then cut as the
 * page is.
 */
import { resize, type PixelImage } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import type { HintForm } from "../../model/manifest.js";
import type { Bucket } from "../../model/buckets.js";
import type { ColorHint } from "../cobra/hint-squares.js";
import { prepareHints, type PageHints } from "./page-hints.js";
import type { Tile } from "./tiling.js";

interface TileHints {
  /** One a tile: RGBA at its bucket's size. */
  readonly marks: readonly PixelImage<4>[];
  /** See `PreparedHints.grown`. */
  readonly grown?: PixelImage<4>;
}

/**
 * @param parts the tiles with their page sizes; one for a page that is not cut
 * @param bucket page size that squares' places are given in
 */
export function tileHints(
  page: RasterImage,
  parts: readonly { tile: Tile; bucket: Bucket }[],
  bucket: Bucket,
  form: HintForm,
  hints: { squares: readonly ColorHint[] } | { page: PageHints },
): TileHints {
  if (parts.length === 1) {
    const { marks, grown } = prepareHints(page, bucket, form, hints);
    return { marks: [marks], ...(grown === undefined ? {} : { grown }) };
  }
  const scale = Math.max(
    ...parts.map((part) => Math.min(part.bucket.width / part.tile.width, part.bucket.height / part.tile.height)),
  );
  const canvas = {
    width: Math.max(1, Math.round(page.width * scale)),
    height: Math.max(1, Math.round(page.height * scale)),
  };
  const { marks, grown } = prepareHints(
    page,
    canvas,
    form,
    "squares" in hints ? { page: hints.squares.map((hint) => onPage(hint, bucket, page)) } : hints,
  );
  const [x, y] = [marks.width / page.width, marks.height / page.height];
  const cut = parts.map(({ tile, bucket: { width, height } }) =>
    resize(marks, width, height, "nearest", [
      tile.x * x,
      tile.y * y,
      Math.min((tile.x + tile.width) * x, marks.width),
      Math.min((tile.y + tile.height) * y, marks.height),
    ]),
  );
  return { marks: cut, ...(grown === undefined ? {} : { grown }) };
}

function onPage(
  { x, y, color }: ColorHint,
  bucket: Bucket,
  page: RasterImage,
): { x: number; y: number; color: ColorHint["color"] } {
  return { x: ((x + 0.5) / bucket.width) * page.width, y: ((y + 0.5) / bucket.height) * page.height, color };
}
