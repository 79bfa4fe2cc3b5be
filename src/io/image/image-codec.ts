/** Pictures between bytes and pixels: decoding and encoding, for other rooms. */
export {
  decodeImage,
  DEFAULT_MAX_PIXELS,
  DEFAULT_TIMEOUT_SECONDS,
  imageSize,
  type DecodedImage,
  type DecodeOptions,
} from "./decode/decode-image.js";
export { encodeImage, srgbProfile, UNSTATED_DENSITY, type EncodeOptions } from "./encode/encode-image.js";
export type { ImageInfo } from "./headers/image-info.js";
