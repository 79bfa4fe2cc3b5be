/**
 * Selects the reference patches of a page: references resized to the page's size, crops, CLIP input, cosine
 * similarity, top-k (Cobra, `cobra_utils/utils.py`).
 */
import { crop, resize, type PixelImage } from "../../binding/pixels/pixels.js";
import { CLIP_RGB, toRgbPlanar, type Normalization } from "../../binding/pixels/planes.js";
import { ValidationError } from "../../errors.js";

/** Patches of a reference: the whole picture and four crops. */
export const PATCHES = 5;

/** Quadrants of a page: top left, top right, bottom left, bottom right. */
export const QUADRANTS = 4;

/**
 * Brings a reference to width x height (`process_image`): stretched when its aspect ratio is off by less than 15 %,
 * otherwise the centre with the right aspect is cut out first. Bicubic.
 */
export function fitReference<C extends 1 | 3>(image: PixelImage<C>, width: number, height: number): PixelImage<C> {
  const aspect = image.width / image.height;
  const target = width / height;
  if (Math.abs(aspect - target) / target < 0.15) return resize(image, width, height);
  const cutWidth = aspect > target ? Math.max(1, Math.trunc(image.height * target)) : image.width;
  const cutHeight = aspect > target ? image.height : Math.max(1, Math.trunc(image.width / target));
  const x = Math.trunc((image.width - cutWidth) / 2);
  const y = Math.trunc((image.height - cutHeight) / 2);
  return resize(crop(image, x, y, cutWidth, cutHeight), width, height);
}

/**
 * The four overlapping crops of 3/4 of each side, in quadrant order: (W//4*3) x (H//4*3) at offsets 0 and W//4, 0 and
 * H//4.
 */
export function quadrantCrops<C extends 1 | 3>(image: PixelImage<C>): PixelImage<C>[] {
  const x = Math.floor(image.width / 4);
  const y = Math.floor(image.height / 4);
  if (x === 0 || y === 0)
    throw new ValidationError(
      "ERR_ARGUMENT",
      `a picture of ${image.width} x ${image.height} is too small for quadrants; both sides must be 4 pixels or more`,
    );
  return [
    [0, 0],
    [x, 0],
    [0, y],
    [x, y],
  ].map(([left, top]) => crop(image, left!, top!, 3 * x, 3 * y));
}

/** The five patches of a reference that has the page's size: itself, then its four crops. */
export function referencePatches<C extends 1 | 3>(reference: PixelImage<C>): PixelImage<C>[] {
  return [reference, ...quadrantCrops(reference)];
}

/** A chosen patch as the reference encoder takes it: half the page's width and height, bicubic. */
export function halfSize<C extends 1 | 3>(patch: PixelImage<C>, width: number, height: number): PixelImage<C> {
  return resize(patch, Math.floor(width / 2), Math.floor(height / 2));
}

/**
 * CLIP's view of a picture: shortest edge to `size` (the other: int(size * long / short)), bicubic, then the centre
 * size x size.
 */
export function clipCrop<C extends 1 | 3>(image: PixelImage<C>, size = 224): PixelImage<C> {
  const { width, height } = image;
  const long = Math.trunc((size * Math.max(width, height)) / Math.min(width, height));
  const resized = width <= height ? resize(image, size, long) : resize(image, long, size);
  return crop(resized, Math.floor((resized.width - size) / 2), Math.floor((resized.height - size) / 2), size, size);
}

/**
 * CLIP's input tensor for one picture, a gray one as in RGB: `clipCrop`, then (x / 255 - mean) / std.
 * @param size edge in pixels, 224 for ViT-H/14
 * @param how mean and std; default CLIP's own
 * @param out where to write its 3 * size * size values, such as its part of a batch
 * @returns float32 [3, size, size]
 */
export function clipPixels(
  image: PixelImage<1 | 3>,
  size = 224,
  how: Normalization = CLIP_RGB,
  out?: Float32Array,
): Float32Array {
  return toRgbPlanar(clipCrop(image, size), how, out);
}

/**
 * Cosine similarity of every query with every reference embedding: a.b / (max(|a|, 1e-8) * max(|b|, 1e-8)).
 * @param queries,references rows of `dimension` values
 * @returns float32, queries x references
 */
export function cosineSimilarity(queries: Float32Array, references: Float32Array, dimension: number): Float32Array {
  if (
    !Number.isInteger(dimension) ||
    dimension < 1 ||
    queries.length % dimension !== 0 ||
    references.length % dimension !== 0
  ) {
    throw new ValidationError(
      "ERR_ARGUMENT",
      `embeddings of ${queries.length} and ${references.length} values are not rows of ${dimension}`,
    );
  }
  const count = references.length / dimension;
  const result = new Float32Array((queries.length / dimension) * count);
  const referenceNorms = norms(references, dimension);
  norms(queries, dimension).forEach((norm, q) => {
    for (let r = 0; r < count; r++) {
      let dot = 0;
      for (let i = 0; i < dimension; i++) dot += queries[q * dimension + i]! * references[r * dimension + i]!;
      result[q * count + r] = dot / (norm * referenceNorms[r]!);
    }
  });
  return result;
}

function norms(rows: Float32Array, dimension: number): Float64Array {
  const result = new Float64Array(rows.length / dimension);
  for (let r = 0; r < result.length; r++) {
    let sum = 0;
    for (let i = r * dimension; i < (r + 1) * dimension; i++) sum += rows[i]! * rows[i]!;
    result[r] = Math.max(Math.sqrt(sum), 1e-8);
  }
  return result;
}

/**
 * The best columns of each row, best first; equal similarities keep the order of the columns, and NaN counts as the
 * worst.
 * @param similarity rows of `columns` values
 * @param k how many; clamped to the number of columns (where Cobra raises an IndexError)
 * @returns one list of column numbers per row
 */
export function topColumns(similarity: Float32Array, columns: number, k: number): number[][] {
  if (!Number.isInteger(k) || k < 1)
    throw new ValidationError("ERR_ARGUMENT", `top-k must be a whole number >= 1, got ${k}`);
  if (columns === 0 && similarity.length === 0) return [];
  if (!Number.isInteger(columns) || columns < 1 || similarity.length % columns !== 0) {
    throw new ValidationError("ERR_ARGUMENT", `${similarity.length} similarities are not rows of ${columns}`);
  }
  const result: number[][] = [];
  for (let start = 0; start < similarity.length; start += columns) {
    const value = (column: number): number => {
      const v = similarity[start + column]!;
      return Number.isNaN(v) ? -Infinity : v;
    };
    const order = Array.from({ length: columns }, (_, column) => column);
    order.sort((a, b) => (value(a) === value(b) ? a - b : value(b) - value(a)));
    result.push(order.slice(0, k));
  }
  return result;
}

/**
 * The reference patches of each of a page's quadrants, best first.
 * @param queries embeddings of the page's 4 crops, in quadrant order
 * @param references embeddings of all patches, 5 per reference
 * @param k patches per quadrant, clamped to the patches that exist
 */
export function retrievePatches(
  queries: Float32Array,
  references: Float32Array,
  dimension: number,
  k: number,
): number[][] {
  const patches = references.length / dimension;
  if (patches === 0) return Array.from({ length: queries.length / dimension }, () => []);
  return topColumns(cosineSimilarity(queries, references, dimension), patches, k);
}

/**
 * Whole references for models that take them: all of them in their order, or the `most` that are like one of the page's
 * quadrants.
 * @param queries embeddings of the page's 4 crops
 * @param references embeddings of all patches, PATCHES per reference, the whole picture first
 * @returns numbers of patches
 */
export function retrieveWhole(
  queries: Float32Array,
  references: Float32Array,
  dimension: number,
  most: number,
): number[] {
  const patches = references.length / dimension;
  const whole = Array.from({ length: Math.ceil(patches / PATCHES) }, (_, reference) => reference * PATCHES);
  if (whole.length <= most) return whole;
  const similarity = cosineSimilarity(queries, references, dimension);
  const best = new Float32Array(
    whole.map((patch) =>
      Math.max(
        ...Array.from({ length: similarity.length / patches }, (_, query) => similarity[query * patches + patch]!),
      ),
    ),
  );
  return topColumns(best, whole.length, most)[0]!.map((column) => whole[column]!);
}
