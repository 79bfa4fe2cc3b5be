/**
 * Measures how much real colour a picture has, apart from the paper's tint and from being printed in one ink: the
 * evidence for the calibrated classifier. All figures come from the picture halved until neither side is over 320
 * pixels, so that noise from scanners and encoders is averaged out.
 */
import { colorFigures, type PixelImage } from "../binding/pixels/pixels.js";
import { localColor, NO_LOCAL_COLOR, type LocalColor } from "./local-color.js";

/** Figures of a picture; all 0 for gray. Colour is relative to the paper: a pixel's channels over the paper's. */
export interface ColorEvidence extends LocalColor {
  /**
   * How far the picture is from one ink on its paper: the share of the ink's energy, 0..1, that no single ink colour
   * explains.
   */
  readonly inks: number;
  /** The same among the lighter half of the tones, where pale colour is. */
  readonly lightInks: number;
  /** Spread of colour across its main axis, 0..1: 0 for one hue and its shades. */
  readonly hueSpread: number;
  /** Share of pixels with some and with strong colour. */
  readonly tinted: number;
  readonly vivid: number;
}

export const NO_COLOR: ColorEvidence = {
  inks: 0,
  lightInks: 0,
  hueSpread: 0,
  tinted: 0,
  vivid: 0,
  ...NO_LOCAL_COLOR,
};

/** Measures a picture. */
export function colorEvidence(image: PixelImage<1 | 3>): ColorEvidence {
  if (image.channels === 1) return NO_COLOR;
  const { sums, spreads } = colorFigures(image as PixelImage<3>);
  const [aa, bb, ab, tinted, vivid, count] = sums.subarray(12) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const minor = (aa + bb - Math.hypot(aa - bb, 2 * ab)) / 2;
  return {
    inks: residue(sums),
    lightInks: residue(sums.subarray(6)),
    hueSpread: Math.sqrt(Math.max(0, minor) / count),
    tinted: tinted / count,
    vivid: vivid / count,
    ...localColor(spreads),
  };
}

/**
 * How much of the ink's energy one direction leaves over: 1 - greatest eigenvalue / trace of its second moments, by
 * power iteration from gray.
 */
function residue(moments: Float64Array): number {
  const [xx, yy, zz, xy, xz, yz] = moments as unknown as [number, number, number, number, number, number];
  const trace = xx + yy + zz;
  if (trace < 1e-9) return 0;
  let [x, y, z] = [1, 1, 1];
  let value = 0;
  for (let i = 0; i < 32; i++) {
    const [u, v, w] = [xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z];
    value = Math.hypot(u, v, w) / Math.hypot(x, y, z);
    const size = Math.hypot(u, v, w) || 1;
    [x, y, z] = [u / size, v / size, w / size];
  }
  return Math.max(0, 1 - value / trace);
}
