/**
 * Recognises valid pictures of a form that is not read: from the header where it tells, otherwise from the decoder's
 * own error message where it refuses them.
 */
import { ImageProcessingError } from "../../../errors.js";
import type { ImageFormat } from "./image-format.js";
import { isFrameHeader, jpegSegments } from "./jpeg-segments.js";
import { readTiffHeader, type TiffHeader } from "./tiff-header.js";

/** `description` is what the file is ("a TIFF picture"), `form` what of it is not read ("Lab colour"). */
export function unsupportedForm(
  name: string,
  description: string,
  form: string,
  cause?: unknown,
): ImageProcessingError {
  return new ImageProcessingError(
    "ERR_IMAGE_UNSUPPORTED",
    `${name} is ${description} that is not read: it has ${form}`,
    { imagePath: name, ...(cause === undefined ? {} : { cause }), remedy: "save it as PNG with 8 or 16 bits a sample" },
  );
}

const PHOTOMETRIC = { whiteIsZero: 0, blackIsZero: 1, rgb: 2, palette: 3, cmyk: 5, yCbCr: 6 } as const;
/** Channels of colour by the tag PhotometricInterpretation: what is read. */
const COLOR_CHANNELS: Readonly<Record<number, number>> = {
  [PHOTOMETRIC.whiteIsZero]: 1,
  [PHOTOMETRIC.blackIsZero]: 1,
  [PHOTOMETRIC.rgb]: 3,
  [PHOTOMETRIC.palette]: 1,
  [PHOTOMETRIC.cmyk]: 4,
  [PHOTOMETRIC.yCbCr]: 3,
};
const UNREAD_PHOTOMETRIC: Readonly<Record<number, string>> = {
  4: "a transparency mask alone",
  9: "ICC Lab colour",
  10: "ITU Lab colour",
  32803: "the raw mosaic of a camera's sensor",
  32844: "LogL samples",
  32845: "LogLuv colour",
  34892: "a camera's raw samples",
  8: "Lab colour", // libvips takes its white for that of D65, and TIFF's is D50
};
const UNREAD_COMPRESSION: Readonly<Record<number, string>> = {
  6: "old-style JPEG compression",
  34661: "JBIG compression",
  34712: "JPEG 2000 compression",
  34887: "LERC compression",
  34925: "LZMA compression",
  50000: "ZSTD compression",
  50002: "JPEG XL compression",
  52546: "JPEG XL compression",
};
const JPEG_COMPRESSION = 7;
/** Bits of a sample that are decoded as they are. */
const PLAIN_BITS = [1, 2, 4, 8, 16];
const SAMPLE_FORMAT = { unsigned: 1, signed: 2, float: 3, undefined: 4 } as const;

/** What a picture's header says that is not read; undefined where nothing is. */
export function unreadForm(bytes: Uint8Array, format: ImageFormat): string | undefined {
  if (format === "jpeg") return unreadJpegForm(bytes);
  const header = format === "tiff" ? readTiffHeader(bytes) : undefined;
  return header === undefined ? undefined : unreadTiffForm(header);
}

/** Frames whose markers say that they are coded in a way that is not read (T.81, table B.1, and T.87). */
const UNREAD_FRAMES: Readonly<Record<number, string>> = {
  0xc3: "lossless JPEG coding",
  0xc5: "hierarchical JPEG coding",
  0xc6: "hierarchical JPEG coding",
  0xc7: "hierarchical JPEG coding",
  0xcb: "lossless JPEG coding",
  0xcd: "hierarchical JPEG coding",
  0xce: "hierarchical JPEG coding",
  0xcf: "hierarchical JPEG coding",
  0xf7: "JPEG-LS coding",
};
const JPEG_BITS = 8;

function unreadJpegForm(bytes: Uint8Array): string | undefined {
  for (const { marker, at, length } of jpegSegments(bytes)) {
    const unread = UNREAD_FRAMES[marker];
    if (unread !== undefined) return unread;
    if (!isFrameHeader(marker)) continue;
    const bits = length > 0 ? bytes[at] : JPEG_BITS;
    return bits === JPEG_BITS || bits === undefined ? undefined : `samples of ${bits} bits`;
  }
  return undefined;
}

function unreadTiffForm(header: TiffHeader): string | undefined {
  const { bits, sampleFormat, channels, photometric, compression, isPlanar, extraSamples } = header;
  const unread = UNREAD_PHOTOMETRIC[photometric] ?? UNREAD_COMPRESSION[compression];
  if (unread !== undefined) return unread;
  if (header.isOldLzw) return "old-style LZW compression";
  if (header.isThumbnail) return "a thumbnail before the picture itself";
  if (header.slices !== 1) return `${header.slices} slices of a solid`;
  if (!header.evenFormat) return "channels of different sample formats";
  if (sampleFormat === SAMPLE_FORMAT.signed) return "signed samples, whose black and white it does not state";
  if (sampleFormat > SAMPLE_FORMAT.undefined) return "complex samples";
  if (!header.evenBits) return "channels of different depths";
  if (sampleFormat === SAMPLE_FORMAT.float && bits !== 32) return `floating-point samples of ${bits} bits`;
  const colors = COLOR_CHANNELS[photometric];
  if (bits === 32) {
    const isPlain = photometric === PHOTOMETRIC.blackIsZero || photometric === PHOTOMETRIC.rgb;
    if (!isPlain || channels !== colors) return "samples of 32 bits in other channels than gray or RGB alone";
    if (header.hasProfile) return "samples of 32 bits with a colour profile";
    return undefined;
  }
  if (!PLAIN_BITS.includes(bits)) return `samples of ${bits} bits`;
  if (bits < 8 && colors !== undefined && colors > 1) return `colour samples of ${bits} bits`;
  const beside = Math.max(extraSamples.length, channels - (colors ?? channels));
  if (beside > 1) return `${beside} channels beside the colour`;
  if (beside > extraSamples.length) return "a channel that it does not describe";
  if (isPlanar && header.isTiled && channels > 1) return "separate planes in tiles";
  if (bits < 8 && isPlanar) return `separate planes of ${bits}-bit samples`;
  if (bits < 8 && beside > 0) return `samples of ${bits} bits and a channel beside them`;
  if (photometric === PHOTOMETRIC.yCbCr) {
    if (isPlanar) return "YCbCr colour in separate planes";
    if (!header.isSubsampled && compression !== JPEG_COMPRESSION) return "YCbCr colour at full size, not as JPEG";
  }
  if (photometric === PHOTOMETRIC.cmyk && bits > 8 && isOpacity(extraSamples[0]))
    return `CMYK colour of ${bits} bits and opacity`;
  if (isPlanar && extraSamples.length > 0 && colors === 1) return "gray and opacity in separate planes";
  return undefined;
}

/** Of the tag ExtraSamples: 1 is multiplied into the colour, 2 is not. */
const isOpacity = (extraSample: number | undefined): boolean => extraSample === 1 || extraSample === 2;

/** Whether a TIFF has 32 bits a sample: its values are scaled here; see `decodeDeepTiff`. */
export function isDeepTiff(bytes: Uint8Array, format: ImageFormat): boolean {
  return format === "tiff" && readTiffHeader(bytes)?.bits === 32;
}

/** Whether the one channel beside the colour is not opacity: it is left out. */
export function hasUnspecifiedChannel(bytes: Uint8Array, format: ImageFormat): boolean {
  const header = format === "tiff" ? readTiffHeader(bytes) : undefined;
  return header !== undefined && header.extraSamples.length === 1 && header.extraSamples[0] === 0;
}

/**
 * How libvips and its decoders say that they do not read a valid file. Not among it: "unsupported image format", which
 * sharp says of anything it does not recognise, and unknown markers in a JPEG but for that of JPEG-LS.
 */
const REFUSALS =
  /\bunsupported\b(?! image format| marker type 0x(?!f7))|not (?:supported|configured|implemented)|can ?not handle|no known route/iu;

/** How the decoders of each format begin their messages. */
const DECODERS: Readonly<Record<Exclude<ImageFormat, "avif">, RegExp>> = {
  png: /vipspng|libpng/iu,
  jpeg: /VipsJpeg/u,
  webp: /\bwebp/iu,
  tiff: /tiff2vips/u,
  gif: /gifload/u,
};

/**
 * The lines of a decoder's message that are about a file of this format. libvips keeps the messages of all decoders of
 * a process in one place, so that those of another picture that is decoded at the same time may stand among them.
 */
export function ownLines(message: string, format: ImageFormat): string[] {
  const others = Object.entries(DECODERS).filter(([other]) => other !== format);
  return message.split("\n").filter((line) => !others.some(([, decoder]) => decoder.test(line)));
}

/** Undefined if the decoder's message reports damage. */
export function refusedForm(bytes: Uint8Array, format: ImageFormat, message: string): string | undefined {
  if (format === "avif" && isAnimatedAvif(bytes)) return "an animation";
  const line = ownLines(message, format).find((text) => REFUSALS.test(text));
  if (line === undefined) return undefined;
  const precision = /JPEG data precision (\d+)/u.exec(line)?.[1];
  return precision === undefined ? `a form that its decoder refuses (${line.trim()})` : `samples of ${precision} bits`;
}

/** The brand of an image sequence comes first in its file type box. */
function isAnimatedAvif(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 12)).toString("latin1", 8) === "avis";
}
