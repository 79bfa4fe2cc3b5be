/** Task: a reference as patches for one page size. */
import { toRgb } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import type { Bucket } from "../../model/buckets.js";
import { fitReference, halfSize, referencePatches } from "../cobra/retrieval.js";
import { imageHash } from "../cobra/image-hash.js";
import { encoderPixels, type EncoderInput } from "./network-pictures.js";

interface ReferenceTask {
  image: RasterImage;
  bucket: Bucket;
  encoder: EncoderInput;
  /** Where the patches for the image encoder go. */
  into: Float32Array;
}

interface PreparedReference {
  /** Hash of the picture. */
  hash: string;
  /** [patches, 3, S, S] for the image encoder. */
  pixels: Float32Array;
  /** The patches at half the bucket's size, in the same order: the whole picture, then its four quadrant crops. */
  patches: RasterImage[];
}

/** Reference → its patches for one bucket. */
export function prepareReference({ image, bucket, encoder, into }: ReferenceTask): PreparedReference {
  const { width, height } = bucket;
  const patches = referencePatches(fitReference(toRgb(image), width, height));
  return {
    hash: imageHash(image),
    pixels: encoderPixels(patches, encoder, into),
    patches: patches.map((patch) => halfSize(patch, width, height) as RasterImage),
  };
}
