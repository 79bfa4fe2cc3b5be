/** Colour hints as Cobra takes them: squares of colour that the user puts on a page (Cobra, `draw_square`). */
import { resize, toRgb, type PixelImage } from "../../binding/pixels/pixels.js";
import { toPlanar, UNIT_GRAY } from "../../binding/pixels/planes.js";
import { ValidationError } from "../../errors.js";

/** One hint: a colour at a place of the page at bucket size. */
export interface ColorHint {
  /** Pixels from the left and from the top; inside the page. */
  readonly x: number;
  readonly y: number;
  /** Red, green, blue, 0..255. */
  readonly color: readonly [number, number, number];
}

/** The two pictures of the hints, both of the page's size. */
interface HintPictures {
  /** The line picture with the hints' colours on it. */
  readonly picture: PixelImage<3>;
  /** 255 where a hint is, 0 elsewhere. */
  readonly mask: PixelImage<1>;
}

const HALF_SIDE = 8;

/**
 * The hints as squares of 16 x 16 pixels, rows y-8..y+7 and columns x-8..x+7, cut at the page's border, later ones over
 * earlier ones.
 * @returns RGBA, alpha 255 in the squares
 * @throws ValidationError `ERR_ARGUMENT` for a place outside the page or a colour outside 0..255
 */
export function markSquares(width: number, height: number, hints: readonly ColorHint[]): PixelImage<4> {
  const marks = { width, height, channels: 4 as const, data: new Uint8Array(width * height * 4) };
  for (const hint of hints) {
    checkHint(hint, width, height);
    for (let y = Math.max(0, hint.y - HALF_SIDE); y < Math.min(height, hint.y + HALF_SIDE); y++) {
      for (let x = Math.max(0, hint.x - HALF_SIDE); x < Math.min(width, hint.x + HALF_SIDE); x++)
        marks.data.set([...hint.color, 255], (y * width + x) * 4);
    }
  }
  return marks;
}

/**
 * Lays hints on the line picture.
 * @param line the line picture, which the hint picture starts from
 * @param marks RGBA of the line picture's size; a hint is where alpha is 128 or more
 */
export function layHints(line: PixelImage<1 | 3>, marks: PixelImage<4>): HintPictures {
  const { width, height } = line;
  const mask = { width, height, channels: 1 as const, data: new Uint8Array(width * height) };
  const picture = {
    width,
    height,
    channels: 3 as const,
    data: line.channels === 3 ? line.data.slice() : toRgb(line).data,
  };
  marks.data.forEach((alpha, index) => {
    if (index % 4 !== 3 || alpha < 128) return;
    picture.data.set(marks.data.subarray(index - 3, index), (3 * (index - 3)) / 4);
    mask.data[(index - 3) / 4] = 255;
  });
  return { picture, mask };
}

function checkHint({ x, y, color }: ColorHint, width: number, height: number): void {
  if (!Number.isInteger(x) || !Number.isInteger(y) || x < 0 || y < 0 || x >= width || y >= height) {
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the hint at (${x}, ${y}) is not a pixel of the page of ${width} x ${height}`,
    );
  }
  if (color.length !== 3 || color.some((value) => !Number.isInteger(value) || value < 0 || value > 255)) {
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the colour [${color.join(", ")}] of a hint must be three whole numbers from 0 to 255`,
    );
  }
}

/**
 * The mask as the denoiser takes it: bicubic to the latent's size, value / 255 (so not binary at edges). float32 [H/8,
 * W/8].
 * @param downscale pixels per latent pixel, 8 in Cobra
 */
export function hintMaskPlane(mask: PixelImage<1>, downscale = 8): Float32Array {
  return toPlanar(resize(mask, ...maskSize(mask, downscale)), UNIT_GRAY);
}

/** The mask of a page of this size without hints: as `hintMaskPlane` of one that is 0 everywhere. */
export function emptyMaskPlane(page: { readonly width: number; readonly height: number }, downscale = 8): Float32Array {
  const [width, height] = maskSize(page, downscale);
  return new Float32Array(width * height);
}

function maskSize(page: { readonly width: number; readonly height: number }, downscale: number): [number, number] {
  return [Math.floor(page.width / downscale), Math.floor(page.height / downscale)];
}
