/** The model's page sizes (buckets), and which one a picture gets (Cobra, `get_rate`). */
import { ValidationError } from "../errors.js";

/** A page size of the model in pixels; both sides are multiples of 32. */
export interface Bucket {
  readonly width: number;
  readonly height: number;
}

/** Tokens of one reference patch of a page: it has half the page's size, and a token is 2 x 2 of the latent. */
export function referenceTokens({ width, height }: Bucket, { downscale }: { readonly downscale: number }): number {
  return (width / downscale / 4) * (height / downscale / 4);
}

/** Cobra's 15 sizes, in the order in which they are searched. A model package may name others. */
export const COBRA_BUCKETS: readonly Bucket[] = [
  { width: 800, height: 800 },
  { width: 768, height: 896 },
  { width: 704, height: 928 },
  { width: 672, height: 960 },
  { width: 640, height: 1024 },
  { width: 608, height: 1056 },
  { width: 576, height: 1088 },
  { width: 576, height: 1184 },
  { width: 896, height: 768 },
  { width: 928, height: 704 },
  { width: 960, height: 672 },
  { width: 1024, height: 640 },
  { width: 1056, height: 608 },
  { width: 1088, height: 576 },
  { width: 1184, height: 576 },
];

/**
 * The bucket whose aspect ratio is nearest to width / height: the first minimum of |w/h - w'/h'| in the order of the
 * list.
 * @throws ValidationError `ERR_ARGUMENT` for an empty list or sizes that are not positive
 */
export function nearestBucket(width: number, height: number, buckets: readonly Bucket[]): Bucket {
  if (!(width > 0 && height > 0))
    throw new ValidationError(
      "ERR_ARGUMENT",
      `a picture of ${width} x ${height} has no aspect ratio; both sides must be positive`,
    );
  const aspect = width / height;
  let best: Bucket | undefined;
  let bestError = Infinity;
  for (const bucket of buckets) {
    const error = Math.abs(aspect - bucket.width / bucket.height);
    if (best === undefined || error < bestError) [best, bestError] = [bucket, error];
  }
  if (best === undefined)
    throw new ValidationError("ERR_ARGUMENT", "the list of buckets is empty", { remedy: "give at least one" });
  return best;
}

/** A bucket for people and keys: "640x1024". */
export function bucketName({ width, height }: Bucket): string {
  return `${width}x${height}`;
}
