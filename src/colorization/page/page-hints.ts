/**
 * Turns colour hints in a page's own pixels into what the model takes: squares, or strokes grown to the page's regions.
 */
import { growHints } from "../../binding/pixels/hints.js";
import { resize, type PixelImage } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import { ValidationError } from "../../errors.js";
import type { HintForm } from "../../model/manifest.js";
import type { Bucket } from "../../model/buckets.js";
import { markSquares, type ColorHint } from "../cobra/hint-squares.js";

/** A dot of colour on a page. */
export interface PageHint {
  /** Pixels of the page from the left and from the top; inside the page. */
  readonly x: number;
  readonly y: number;
  /** Red, green, blue, 0..255. */
  readonly color: readonly [number, number, number];
  /**
   * Pixels of the page. Default: 2 for a model that takes regions, which grow from the smallest dot; for one that takes
   * squares, a square of its own size.
   */
  readonly radius?: number | undefined;
}

/**
 * Hints of a page: dots, later ones over earlier ones, or an RGBA picture of the page's shape and any size, with
 * strokes where alpha is 128 or more.
 */
export type PageHints = readonly PageHint[] | PixelImage<4>;

/** Hints of one page, ready for the networks and for the page's ink. */
interface PreparedHints {
  /** RGBA at the bucket's size; a hint is where alpha is 128 or more. */
  readonly marks: PixelImage<4>;
  /**
   * RGBA over the page: the regions that the finished page has in the hints' colours. Absent where the model takes
   * squares.
   */
  readonly grown?: PixelImage<4>;
}

const DOT_RADIUS_PX = 2;
/** Regions are looked for on at most so many pixels; larger pages are shrunk. */
const GROWING_PIXELS = 3_000_000;
/** A hint picture's width over height may differ from the page's by this share, for the rounding of small pictures. */
const ASPECT_TOLERANCE = 0.01;

/**
 * Makes a page's hints ready.
 * @param hints squares in bucket pixels, or hints in the page's own pixels
 * @throws ValidationError `ERR_HINTS` for hints that do not fit the page, `ERR_ARGUMENT` for squares outside the bucket
 */
export function prepareHints(
  page: RasterImage,
  bucket: Bucket,
  form: HintForm,
  hints: { squares: readonly ColorHint[] } | { page: PageHints },
): PreparedHints {
  const { width, height } = bucket;
  if (form === "squares")
    return {
      marks: "squares" in hints ? markSquares(width, height, hints.squares) : pageMarks(page, hints.page, bucket, form),
    };
  const shrink = Math.max(1, Math.ceil(Math.sqrt((page.width * page.height) / GROWING_PIXELS)));
  const grid = { width: Math.ceil(page.width / shrink), height: Math.ceil(page.height / shrink) };
  const strokes =
    "squares" in hints ? markSquares(width, height, hints.squares) : pageMarks(page, hints.page, grid, form);
  const grown = growHints(page, strokes, grid.width, grid.height);
  return { marks: resize(grown, width, height, "nearest"), grown };
}

/** Why a picture cannot hold a page's hints; undefined when it can. */
export function hintPictureFault(picture: Bucket, page: Bucket): string | undefined {
  const stretch = (picture.width * page.height) / (picture.height * page.width);
  const rounding = 0.5 / Math.min(picture.width, picture.height);
  if (Math.abs(stretch - 1) <= ASPECT_TOLERANCE + rounding) return undefined;
  return `is ${picture.width} x ${picture.height}, another shape than the page of ${page.width} x ${page.height}; paint the strokes on a layer over the whole page and save that layer`;
}

/** Strokes in the page's pixels on a canvas of another size that is stretched over the page. */
function pageMarks(page: RasterImage, hints: PageHints, canvas: Bucket, form: HintForm): PixelImage<4> {
  if ("data" in hints) {
    const fault = hintPictureFault(hints, page);
    if (fault !== undefined) throw new ValidationError("ERR_HINTS", `the picture of hints ${fault}`);
    return form === "regions" ? hints : resize(hints, canvas.width, canvas.height, "nearest");
  }
  const { width, height } = canvas;
  const [scaleX, scaleY] = [width / page.width, height / page.height];
  const marks = { width, height, channels: 4 as const, data: new Uint8Array(width * height * 4) };
  for (const hint of hints) {
    checkDot(hint, page);
    const [x, y] = [hint.x * scaleX, hint.y * scaleY];
    if (form === "squares" && hint.radius === undefined)
      overlay(marks, markSquares(width, height, [{ x: Math.floor(x), y: Math.floor(y), color: hint.color }]));
    else
      disc(marks, x, y, (hint.radius ?? DOT_RADIUS_PX) * scaleX, (hint.radius ?? DOT_RADIUS_PX) * scaleY, hint.color);
  }
  return marks;
}

function overlay(marks: PixelImage<4>, over: PixelImage<4>): void {
  for (let i = 0; i < over.data.length; i += 4)
    if (over.data[i + 3] === 255) marks.data.set(over.data.subarray(i, i + 4), i);
}

/** An ellipse whose pixels' centres lie inside; always at least the pixel at its centre. */
function disc(
  { width, height, data }: PixelImage<4>,
  x: number,
  y: number,
  radiusX: number,
  radiusY: number,
  color: PageHint["color"],
): void {
  const put = (u: number, v: number): void => data.set([...color, 255], (v * width + u) * 4);
  for (let v = Math.max(0, Math.floor(y - radiusY)); v < Math.min(height, y + radiusY); v++) {
    for (let u = Math.max(0, Math.floor(x - radiusX)); u < Math.min(width, x + radiusX); u++) {
      if (((u + 0.5 - x) / radiusX) ** 2 + ((v + 0.5 - y) / radiusY) ** 2 <= 1) put(u, v);
    }
  }
  put(Math.floor(x), Math.floor(y));
}

function checkDot({ x, y, color, radius = 1 }: PageHint, { width, height }: RasterImage): void {
  if (!(x >= 0 && y >= 0 && x < width && y < height)) {
    throw new ValidationError(
      "ERR_HINTS",
      `the hint at (${x}, ${y}) is outside the page of ${width} x ${height}; x goes from 0 to ${width - 1} and y from 0 to ${height - 1}, in the page's own pixels`,
    );
  }
  if (!(radius > 0))
    throw new ValidationError("ERR_HINTS", `the hint at (${x}, ${y}) has radius ${radius}; it must be above 0`);
  if (color.length !== 3 || color.some((value) => !Number.isInteger(value) || value < 0 || value > 255)) {
    throw new ValidationError(
      "ERR_HINTS",
      `the hint at (${x}, ${y}) has colour [${color.join(", ")}]; it must be three whole numbers from 0 to 255`,
    );
  }
}
