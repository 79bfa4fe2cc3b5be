/**
 * The three metrics of a decoded picture, measured as the Python classifier measures them with PIL and OpenCV, colour
 * mode by colour mode. Synchronous native kernels: may run in a worker thread.
 */
import {
  cmykToRgb,
  countEdges,
  distinctColors,
  firstChannel,
  histogram,
  isGray,
  meanSaturation,
  median,
  premultiply,
  resize,
  thumbnail,
  thumbnailSize,
  toGray,
  toRgb,
  unpremultiply,
  type PixelImage,
} from "../binding/pixels/pixels.js";
import { ClassificationError } from "../errors.js";
import type { ClassificationMetrics } from "./decision.js";
import { colorEvidence, NO_COLOR, type ColorEvidence } from "./evidence.js";

/**
 * How the file stores its pixels, where that changes the metrics:
 * - "gray", "gray-alpha": 1 and 2 channels, saturation 0, alpha dropped
 * - "bilevel": 1 channel of 0 and 255; saturation 0, shrunk by nearest neighbour
 * - "palette": 1 or 3 channels, colours looked up; saturation counts as 0, shrunk by nearest neighbour
 * - "rgb": 3 channels; "rgba": 4, alpha dropped but weighing in the shrinking
 * - "cmyk": 4 channels, 255 = full ink; saturation is taken of C, M, Y as if they were R, G, B
 */
export type ImageMode = "gray" | "gray-alpha" | "bilevel" | "palette" | "rgb" | "rgba" | "cmyk";

/** A decoded picture for the classifier; a `RasterImage` is one. */
export interface ClassifierImage extends PixelImage {
  /** Default: "gray", "gray-alpha", "rgb", "rgba" for 1, 2, 3, 4 channels. */
  readonly mode?: ImageMode;
}

const THUMBNAIL_SIDE = 256;
const MODE_OF_CHANNELS = { 1: "gray", 2: "gray-alpha", 3: "rgb", 4: "rgba" } as const;
const CHANNELS_OF_MODE: Readonly<Record<ImageMode, readonly number[]>> = {
  gray: [1],
  "gray-alpha": [2],
  bilevel: [1],
  palette: [1, 3],
  rgb: [3],
  rgba: [4],
  cmyk: [4],
};

/** A picture with its mode, checked. */
interface Source {
  readonly mode: ImageMode;
  readonly image: PixelImage;
}

/**
 * The three metrics of a picture.
 * @throws ClassificationError `ERR_CLASSIFICATION` when mode and channels do not fit; ValidationError `ERR_ARGUMENT`
 * when size and data do not
 */
export function measure(image: ClassifierImage): ClassificationMetrics {
  const source = sourceOf(image);
  return {
    saturation: saturationOf(source),
    colorCount: countColors(shrink(source)),
    edgeDensity: edgeDensityOf(grayOf(source)),
  };
}

/** What the calibrated decision needs: of a gray picture nothing is looked at. Errors as `measure`. */
export function evidenceOf(image: ClassifierImage): ColorEvidence {
  const source = checked(image);
  return isGrayRgb(source) ? NO_COLOR : evidenceIn(source);
}

function evidenceIn(source: Source): ColorEvidence {
  const { mode, image } = source;
  if (image.channels < 3) return NO_COLOR;
  return colorEvidence(mode === "rgb" || mode === "palette" ? (image as PixelImage<3>) : shrink(source));
}

/** RGB that is gray everywhere is taken as gray: all figures are the same, at a third of the cost. */
function sourceOf(image: ClassifierImage): Source {
  const source = checked(image);
  return isGrayRgb(source) ? { mode: "gray", image: firstChannel(image) } : source;
}

function isGrayRgb({ mode, image }: Source): boolean {
  return mode === "rgb" && isGray(image as PixelImage<3>);
}

/** A picture with its mode. */
function checked(image: ClassifierImage): Source {
  const mode = image.mode ?? MODE_OF_CHANNELS[image.channels];
  const allowed = CHANNELS_OF_MODE[mode] as readonly number[] | undefined;
  if (!allowed?.includes(image.channels)) {
    const rule = allowed
      ? `that mode has ${allowed.join(" or ")}`
      : `use one of ${Object.keys(CHANNELS_OF_MODE).join(", ")}`;
    throw new ClassificationError(
      "ERR_CLASSIFICATION",
      `a picture of mode ${JSON.stringify(mode)} with ${image.channels} channels cannot be classified; ${rule}`,
    );
  }
  return { mode, image };
}

function saturationOf({ mode, image }: Source): number {
  return mode === "rgb" || mode === "rgba" || mode === "cmyk" ? meanSaturation(image as PixelImage<3 | 4>) : 0;
}

function grayOf({ mode, image }: Source): PixelImage<1> {
  if (mode === "gray-alpha") return firstChannel(image);
  return toGray(
    mode === "cmyk"
      ? cmykToRgb(image as PixelImage<4>)
      : image.channels === 4
        ? toRgb(image as PixelImage<4>)
        : (image as PixelImage<1 | 3>),
  );
}

/** Distinct colours of the shrunk picture. */
function countColors(small: PixelImage<1 | 3>): number {
  return small.channels === 1
    ? histogram(small as PixelImage<1>).filter((count) => count > 0).length
    : distinctColors(small as PixelImage<3>);
}

/** PIL's `thumbnail((256, 256))` with Lanczos, then `convert("RGB")` (gray stays in one channel here). */
function shrink({ mode, image }: Source): PixelImage<1 | 3> {
  const to = (picture: PixelImage, filter: "lanczos" | "nearest" = "lanczos"): PixelImage =>
    thumbnail(picture, THUMBNAIL_SIDE, THUMBNAIL_SIDE, filter);
  switch (mode) {
    case "gray":
    case "rgb":
      return to(image) as PixelImage<1 | 3>;
    case "gray-alpha":
      return to(firstChannel(image)) as PixelImage<1>;
    case "bilevel":
    case "palette":
      return to(image, "nearest") as PixelImage<1 | 3>;
    case "cmyk":
      return cmykToRgb(to(image) as PixelImage<4>);
    case "rgba": {
      const { width, height } = thumbnailSize(image.width, image.height, THUMBNAIL_SIDE, THUMBNAIL_SIDE);
      const rgba = image as PixelImage<4>;
      // PIL shrinks alpha pictures premultiplied and without the box step; a picture that fits stays as it is.
      return toRgb(
        width === image.width && height === image.height
          ? rgba
          : unpremultiply(resize(premultiply(rgba), width, height, "lanczos")),
      );
    }
  }
}

/** Fraction of Canny edges between 0.7 and 1.3 times the median of the gray picture. */
function edgeDensityOf(gray: PixelImage<1>): number {
  const { low, high } = edgeThresholds(gray);
  return countEdges(gray, low, high) / (gray.width * gray.height);
}

/** Canny's thresholds: int(0.7 * median) and int(min(255, 1.3 * median)). */
export function edgeThresholds(gray: PixelImage<1>): { low: number; high: number } {
  const middle = median(gray);
  return { low: Math.trunc(0.7 * middle), high: Math.trunc(Math.min(255, 1.3 * middle)) };
}
