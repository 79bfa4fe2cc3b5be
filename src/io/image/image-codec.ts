/** Pictures between bytes and pixels: the door to decoding and encoding. */
export {
  decodeImage,
  DEFAULT_MAX_PIXELS,
  DEFAULT_TIMEOUT_SECONDS,
  pictureFormat,
  pictureSize,
  type DecodedImage,
  type DecodeOptions,
} from "./decode-image.js";
export { encodeImage, srgbProfile, UNSTATED_DENSITY, type EncodeOptions } from "./encode-image.js";
export type { ImageInfo } from "./image-info.js";
