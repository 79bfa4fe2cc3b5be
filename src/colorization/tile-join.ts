/** The pictures of a page's tiles as one picture: brought to one scale, and where two meet, blended from one into the other. */
import { resize, type PixelImage } from "../binding/pixels.js";
import type { RasterImage } from "../binding/raster.js";
import type { TilePlan } from "./tiling.js";

export interface JoinTask {
  /** The page's size in pixels. */
  width: number;
  height: number;
  plan: TilePlan;
  /** One a tile, RGB, each of any size; each is stretched to its tile's shape. */
  pictures: readonly PixelImage<3>[];
}

/** Joins them at the scale of the finest picture across the tiles' line. */
export function joinTiles({ width, height, plan, pictures }: JoinTask): RasterImage & PixelImage<3> {
  const rows = plan.axis === "rows";
  const scale = Math.max(...pictures.map((picture, index) => (rows ? picture.width / plan.tiles[index]!.width : picture.height / plan.tiles[index]!.height)));
  const whole = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const out: RasterImage & PixelImage<3> = { ...whole, channels: 3, data: new Uint8Array(whole.width * whole.height * 3) };
  const length = rows ? whole.height : whole.width;
  const at = (position: number): number => Math.min(length, Math.round(position * scale));
  pictures.forEach((picture, index) => {
    const tile = plan.tiles[index]!;
    const from = at(rows ? tile.y : tile.x);
    const to = at(rows ? tile.y + tile.height : tile.x + tile.width);
    const before = plan.seams[index - 1];
    const fitted = resize(picture, rows ? whole.width : to - from, rows ? to - from : whole.height);
    const fade = before === undefined ? { from, to: from } : { from: at(before.from), to: at(before.to) };
    (rows ? placeRows : placeColumns)(out, fitted, from, fade);
  });
  return out;
}

/** The share of the later picture at a place of the seam: smooth at both ends. */
function share(position: number, fade: { from: number; to: number }): number {
  if (position >= fade.to) return 1;
  const t = (position + 0.5 - fade.from) / (fade.to - fade.from);
  return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}

function placeRows(out: PixelImage<3>, tile: PixelImage<3>, from: number, fade: { from: number; to: number }): void {
  const stride = out.width * 3;
  for (let y = Math.max(from, fade.from); y < from + tile.height; y++) {
    const target = out.data.subarray(y * stride, (y + 1) * stride);
    const source = tile.data.subarray((y - from) * stride, (y - from + 1) * stride);
    const weight = share(y, fade);
    if (weight === 1) target.set(source);
    else for (let i = 0; i < stride; i++) target[i] = Math.round(target[i]! + weight * (source[i]! - target[i]!));
  }
}

function placeColumns(out: PixelImage<3>, tile: PixelImage<3>, from: number, fade: { from: number; to: number }): void {
  for (let y = 0; y < out.height; y++) {
    const target = out.data.subarray(y * out.width * 3, (y + 1) * out.width * 3);
    const source = tile.data.subarray(y * tile.width * 3, (y + 1) * tile.width * 3);
    for (let x = fade.from; x < fade.to; x++) {
      const weight = share(x, fade);
      for (let c = 0; c < 3; c++) target[3 * x + c] = Math.round(target[3 * x + c]! + weight * (source[3 * (x - from) + c]! - target[3 * x + c]!));
    }
    target.set(source.subarray(3 * (fade.to - from)), 3 * fade.to);
  }
}
