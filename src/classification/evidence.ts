/**
 * How much real colour a picture has, apart from the paper's tint and from being printed in one ink: what the calibrated decision looks at.
 * All figures come from the picture shrunk into 256 x 256, so that noise of scanners and encoders is averaged out.
 */
import type { PixelImage } from "../binding/pixels.js";

/** Figures of a shrunk picture; all 0 for gray. Colour is relative to the paper: a pixel's channels over the paper's. */
export interface ColorEvidence {
  /** How far the picture is from one ink on its paper: the share of the ink's energy, 0..1, that no single ink colour explains. */
  readonly inks: number;
  /** The same among the lighter half of the tones, where pale colour is. */
  readonly lightInks: number;
  /** Spread of colour across its main axis, 0..1: 0 for one hue and its shades. */
  readonly hueSpread: number;
  /** Share of pixels with some and with strong colour. */
  readonly tinted: number;
  readonly vivid: number;
}

const NOTHING: ColorEvidence = { inks: 0, lightInks: 0, hueSpread: 0, tinted: 0, vivid: 0 };
const TINTED = 0.12;
const VIVID = 0.3;

/** Measures a picture shrunk by `shrink`. */
export function colorEvidence(small: PixelImage<1 | 3>): ColorEvidence {
  if (small.channels === 1) return NOTHING;
  const { data, width, height } = small;
  const [paperRed, paperGreen, paperBlue] = findPaper(data);
  const all = new Moments();
  const light = new Moments();
  let [tinted, vivid, aa, bb, ab] = [0, 0, 0, 0, 0];
  for (let i = 0; i < data.length; i += 3) {
    const red = Math.max(0, 1 - data[i]! / paperRed);
    const green = Math.max(0, 1 - data[i + 1]! / paperGreen);
    const blue = Math.max(0, 1 - data[i + 2]! / paperBlue);
    const chroma = Math.max(red, green, blue) - Math.min(red, green, blue);
    if (chroma > TINTED) tinted++;
    if (chroma > VIVID) vivid++;
    all.add(red, green, blue);
    if (red + green + blue < 1.5) light.add(red, green, blue);
    const a = red - green;
    const b = (red + green) / 2 - blue;
    aa += a * a;
    bb += b * b;
    ab += a * b;
  }
  const count = width * height;
  const minor = (aa + bb - Math.hypot(aa - bb, 2 * ab)) / 2;
  return { inks: all.residue(), lightInks: light.residue(), hueSpread: Math.sqrt(Math.max(0, minor) / count), tinted: tinted / count, vivid: vivid / count };
}

/** Second moments of ink amounts: how much of them one direction leaves over. */
class Moments {
  #xx = 0;
  #yy = 0;
  #zz = 0;
  #xy = 0;
  #xz = 0;
  #yz = 0;

  add(x: number, y: number, z: number): void {
    this.#xx += x * x;
    this.#yy += y * y;
    this.#zz += z * z;
    this.#xy += x * y;
    this.#xz += x * z;
    this.#yz += y * z;
  }

  /** 1 - greatest eigenvalue / trace, by power iteration from gray. */
  residue(): number {
    const trace = this.#xx + this.#yy + this.#zz;
    if (trace < 1e-9) return 0;
    let [x, y, z] = [1, 1, 1];
    let value = 0;
    for (let i = 0; i < 32; i++) {
      const [u, v, w] = [this.#xx * x + this.#xy * y + this.#xz * z, this.#xy * x + this.#yy * y + this.#yz * z, this.#xz * x + this.#yz * y + this.#zz * z];
      value = Math.hypot(u, v, w) / Math.hypot(x, y, z);
      const size = Math.hypot(u, v, w) || 1;
      [x, y, z] = [u / size, v / size, w / size];
    }
    return Math.max(0, 1 - value / trace);
  }
}

/** The paper's colour: the mean of the pixels around the brightest luma that 2% of the picture gather at; white where there is none. */
function findPaper(data: Uint8Array): [red: number, green: number, blue: number] {
  const histogram = new Float64Array(256 + 8);
  const luma = (i: number): number => (data[i]! * 77 + data[i + 1]! * 150 + data[i + 2]! * 29) >> 8;
  for (let i = 0; i < data.length; i += 3) histogram[luma(i)]!++;
  const around = (value: number): number => histogram.slice(Math.max(0, value - 4), value + 5).reduce((sum, count) => sum + count, 0);
  let paper = 255;
  for (let value = 255; value >= 110; value--) {
    if (around(value) * 50 < data.length / 3 || around(value - 1) > around(value)) continue;
    paper = value;
    break;
  }
  let [red, green, blue, count] = [0, 0, 0, 0];
  for (let i = 0; i < data.length; i += 3) {
    if (Math.abs(luma(i) - paper) > 4) continue;
    red += data[i]!;
    green += data[i + 1]!;
    blue += data[i + 2]!;
    count++;
  }
  if (count === 0) return [255, 255, 255];
  return [Math.max(red / count, 96), Math.max(green / count, 96), Math.max(blue / count, 96)];
}
