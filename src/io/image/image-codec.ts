/** Pictures between bytes and pixels: the door to decoding and encoding. */
export {
  decodeImage,
  DEFAULT_MAX_PIXELS,
  DEFAULT_TIMEOUT_SECONDS,
  pictureFormat,
  pictureSize,
  type DecodedImage,
  type DecodeOptions,
} from "./decode/decode-image.js";
export { encodeImage, srgbProfile, UNSTATED_DENSITY, type EncodeOptions } from "./encode/encode-image.js";
export type { ImageInfo } from "./headers/image-info.js";
