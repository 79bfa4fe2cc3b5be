/** The gamma that a PNG states (chunk gAMA), applied as browsers do. */
import type { RasterImage } from "../../../binding/raster.js";
import { pngChunks } from "../headers/png-chunks.js";

/** Of sRGB, times 100,000, as the chunk has it. */
const USUAL = 45_455;
/** Values so near to it change nothing that is seen. */
const NEAR = 0.05;
/** Beyond these no sensible file goes. */
const [LEAST, MOST] = [10_000, 1_000_000];
/** Chunks that say more exactly what the samples mean. */
const STRONGER = new Set(["sRGB", "iCCP", "cICP"]);

/** Samples as sRGB has them. Changes the picture in place. */
export function applyPngGamma({ data }: RasterImage, bytes: Uint8Array): void {
  const gamma = statedGamma(bytes);
  if (gamma === undefined) return;
  const levels = Uint8Array.from({ length: 256 }, (_, value) => Math.round(255 * (value / 255) ** (USUAL / gamma)));
  for (let i = 0; i < data.length; i++) data[i] = levels[data[i]!]!;
}

/** Undefined where nothing is to be done. */
function statedGamma(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let gamma: number | undefined;
  for (const { type, at, length } of pngChunks(bytes)) {
    if (STRONGER.has(type)) return undefined;
    if (type === "IDAT") break;
    if (type === "gAMA" && length === 4 && at + 4 <= view.byteLength) gamma ??= view.getUint32(at);
  }
  if (gamma === undefined || gamma < LEAST || gamma > MOST) return undefined;
  return Math.abs(gamma / USUAL - 1) < NEAR ? undefined : gamma;
}
