/** Pictures that say they use fewer bits than their samples have: they are scaled from the range that they state. */
import { toRgb, type PixelImage } from "../../../binding/pixels/pixels.js";
import type { RasterImage } from "../../../binding/raster.js";
import { isSrgb } from "../headers/color-profile.js";
import type { ImageInfo } from "../headers/image-info.js";
import { isWhiteZero } from "../headers/tiff-header.js";
import { statedMaximum } from "../headers/stated-range.js";
import { DEEP_TIFF_PIXELS, SampleRangeError } from "./deep-tiff.js";
import { sharp } from "../sharp.js";

/**
 * Decodes gray or RGB, upright, to 8 bits, where a file states a greatest sample and keeps to it. Undefined where it
 * states none, where its samples go beyond, and where they are scaled already, as the PNG standard asks.
 * @throws SampleRangeError for one with opacity or a colour profile: other decoders would show it all but black
 */
export async function decodeStatedRange(
  bytes: Uint8Array,
  info: ImageInfo,
  keepGray: boolean,
  seconds: number,
): Promise<RasterImage | undefined> {
  const most = statedMaximum(bytes, info.format);
  if (most === undefined || info.width * info.height > DEEP_TIFF_PIXELS) return undefined;
  const isDeep = info.depth > 8;
  const source = sharp(bytes, {
    failOn: "warning",
    limitInputPixels: DEEP_TIFF_PIXELS,
    autoOrient: true,
    pages: 1,
    ignoreIcc: true,
  }).timeout({ seconds });
  if (info.hasAlpha) source.removeAlpha();
  const { data, info: raw } = await source
    .toColourspace(info.space)
    .raw({ depth: isDeep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const samples = isDeep ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
  const full = isDeep ? 65_535 : 255;
  const flip = isWhiteZero(bytes) ? full : 0;
  if (!keepsTo(samples, most, full, flip)) return undefined;
  if (info.hasAlpha || (info.icc !== undefined && !isSrgb(info.icc)))
    throw new SampleRangeError(
      `samples up to ${most} of ${full} beside ${info.hasAlpha ? "opacity" : "a colour profile"}`,
    );
  const scaled = Uint8Array.from(samples, (value) => {
    const eight = Math.round((Math.abs(flip - value) * 255) / most);
    return flip === 0 ? eight : 255 - eight;
  });
  const image = { width: raw.width, height: raw.height, channels: raw.channels as 1 | 3, data: scaled };
  return image.channels === 1 && !keepGray ? toRgb(image as PixelImage<1>) : image;
}

/** Whether no sample is above `most`, and at least one has low bits that a sample scaled to the full range has not. */
function keepsTo(samples: Uint8Array | Uint16Array, most: number, full: number, flip: number): boolean {
  const scale = (full + 1) / (most + 1);
  let isScaled = true;
  for (const sample of samples) {
    const value = Math.abs(flip - sample);
    if (value > most) return false;
    if (value % scale !== 0) isScaled = false;
  }
  return !isScaled;
}
