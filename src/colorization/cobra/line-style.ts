/**
 * The line picture: what goes into the line extractor, what comes out of it, and the two styles (Cobra,
 * `extract_sketch_line_image`).
 */
import { applyShadowStyle, crop, type PixelImage } from "../../binding/pixels/pixels.js";
import { BYTE_GRAY, fromPlanar, toPlanar } from "../../binding/pixels/planes.js";
import type { Style } from "../../config/batch-config.js";
import { ValidationError } from "../../errors.js";

/** A gray page as the line extractor takes it. */
export interface LineInput {
  /** 0..255, padded at right and bottom with ones; float32 [height, width]. */
  readonly data: Float32Array;
  /** Multiples of 16. */
  readonly width: number;
  readonly height: number;
}

/** Sides of the line extractor's input for a page of this size: multiples of 16. */
export function paddedSize(page: { readonly width: number; readonly height: number }): [number, number] {
  return [Math.ceil(page.width / 16) * 16, Math.ceil(page.height / 16) * 16];
}

/**
 * Pads a gray page to multiples of 16, at right and bottom, with the value 1.0.
 * @param out where to write, exactly as many values as the padded page has pixels
 */
export function lineExtractorInput(gray: PixelImage<1>, out?: Float32Array): LineInput {
  const [width, height] = paddedSize(gray);
  if (width === gray.width && height === gray.height) return { data: toPlanar(gray, BYTE_GRAY, out), width, height };
  const plane = toPlanar(gray, BYTE_GRAY);
  const data = (out ?? new Float32Array(width * height)).fill(1);
  for (let y = 0; y < gray.height; y++) data.set(plane.subarray(y * gray.width, (y + 1) * gray.width), y * width);
  return { data, width, height };
}

/**
 * The line picture of the extractor's raw output: clamped to 0..255, truncated, cut back to the page.
 * @param raw float32 [paddedHeight, paddedWidth]
 */
export function linePicture(
  raw: Float32Array,
  padded: { width: number; height: number },
  width: number,
  height: number,
): PixelImage<1> {
  const picture = fromPlanar(raw, padded.width, padded.height, 1, { range: "byte", rounding: "truncate" });
  return width === padded.width && height === padded.height ? picture : crop(picture, 0, 0, width, height);
}

/**
 * The line picture in a style. "line": the extractor's lines as they are; "line + shadow": dark areas and mid grays of
 * the page are kept too.
 * @param line the extractor's lines
 * @param gray the page's gray picture at the same size
 * @throws ValidationError `ERR_ARGUMENT` for a style that does not exist
 */
export function styledLine(style: Style, line: PixelImage<1>, gray: PixelImage<1>): PixelImage<1> {
  if (style === "line") return line;
  if (style === "line + shadow") return applyShadowStyle(gray, line);
  throw new ValidationError(
    "ERR_ARGUMENT",
    `unknown style ${JSON.stringify(style)}; the styles are "line" and "line + shadow"`,
  );
}
