/**
 * Colour that differs within a small neighbourhood, lightness aside: real colouring has it however faded it is; the
 * tint of paper, stains and print in one ink do not.
 */
import { reduce, type PixelImage } from "../binding/pixels/pixels.js";

/**
 * Levels of 8 bits by which colour differs inside of a block: the mean of all blocks, and the least of the most
 * coloured.
 */
export interface LocalColor {
  readonly localMean: number;
  /** Of the most coloured 2, 10 and 30 % of the blocks the least. */
  readonly localTop2: number;
  readonly localTop10: number;
  readonly localTop30: number;
}

export const NO_LOCAL_COLOR: LocalColor = { localMean: 0, localTop2: 0, localTop10: 0, localTop30: 0 };

const LONGEST_SIDE = 320;
/** Pixels a side. */
const BLOCK = 16;

/** Measures a picture, shrunk by a whole factor until neither side is over 320 pixels. */
export function localColor(image: PixelImage<3>): LocalColor {
  const factor = Math.ceil(Math.max(image.width, image.height) / LONGEST_SIDE);
  const small = factor > 1 ? reduce(image, factor, factor) : image;
  const spreads: number[] = [];
  for (let y = 0; y + BLOCK <= small.height; y += BLOCK)
    for (let x = 0; x + BLOCK <= small.width; x += BLOCK) spreads.push(blockSpread(small, x, y));
  if (spreads.length === 0) return NO_LOCAL_COLOR;
  const sorted = Float64Array.from(spreads).sort().reverse();
  const top = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return {
    localMean: spreads.reduce((sum, value) => sum + value, 0) / spreads.length,
    localTop2: top(0.02),
    localTop10: top(0.1),
    localTop30: top(0.3),
  };
}

/** Deviation of two colour differences (R - G, yellow - blue) in a block, less what goes with its lightness. */
function blockSpread({ data, width }: PixelImage<3>, left: number, top: number): number {
  let [light, red, yellow, light2, lightRed, lightYellow, red2, yellow2] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let y = top; y < top + BLOCK; y++) {
    for (let i = 3 * (y * width + left), end = i + 3 * BLOCK; i < end; i += 3) {
      const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
      const l = (r + g + b) / 3;
      const p = r - g;
      const q = (r + g) / 2 - b;
      light += l;
      red += p;
      yellow += q;
      light2 += l * l;
      lightRed += l * p;
      lightYellow += l * q;
      red2 += p * p;
      yellow2 += q * q;
    }
  }
  const count = BLOCK * BLOCK;
  const lightVariance = light2 / count - (light / count) ** 2;
  const unexplained = (sum: number, squares: number, product: number): number => {
    const variance = squares / count - (sum / count) ** 2;
    const shared = product / count - (light * sum) / count ** 2;
    return variance - (lightVariance > 1 ? shared ** 2 / lightVariance : 0);
  };
  return Math.sqrt(Math.max(0, unexplained(red, red2, lightRed) + unexplained(yellow, yellow2, lightYellow)));
}
