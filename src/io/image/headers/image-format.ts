/**
 * Detects a file's format by its first bytes: the picture formats that are decoded, and a description of everything
 * else for messages.
 */
import { ImageProcessingError } from "../../../errors.js";
import {
  byteAt,
  EXPORT,
  RAW_NAME,
  RAW_PICTURE,
  SAVE,
  SIGNATURES,
  uint16,
  UNPACK,
  type ImageFormat,
} from "./signatures.js";

export type { ImageFormat };

export interface SniffedFormat {
  /** A picture format that is read, a container, or undefined. */
  readonly format: ImageFormat | "zip" | undefined;
  /** For messages, with its article: "a PNG picture", "plain text". */
  readonly description: string;
  /** What to do with it so that it can be read, where that is known. */
  readonly remedy?: string | undefined;
  /** Whether it is a picture of any kind, one that is not read included. */
  readonly isPicture: boolean;
  /** Whether it may hold pages that are not seen here: an archive or document that is not opened. */
  readonly mayHoldPages?: boolean;
}

/** What is known about a file besides its first bytes, for formats without a signature. */
interface SniffHints {
  /** Size of the whole file. */
  readonly sizeBytes?: number;
  /** The file's name; only its extension counts, and only for formats that nothing else identifies. */
  readonly name?: string;
}

/** How many first bytes are enough for `sniffFormat`, but for disc images: `sniffBytes`. */
export const SNIFF_BYTES = 4096;

/** A disc image begins with 32 KiB of anything, then a descriptor: ISO 9660 or UDF. */
const DISC_MARK_AT = 32_769;
const DISC_MARK = /^(?:CD001|BEA01)$/u;
const DISC_SNIFF_BYTES = DISC_MARK_AT + 5;

/** How many first bytes tell what a file of this name is: more for those that disc images have. */
export function sniffBytes(name: string): number {
  return /\.(?:bin|cbz|img|iso|udf|zip)$/iu.test(name) ? DISC_SNIFF_BYTES : SNIFF_BYTES;
}

const AVIF_BRANDS = new Set(["avif", "avis"]);
/** Of pictures in ISO base media files: HEIC, and the same container around other codecs. */
const HEIF_BRAND =
  /^(?:hei[cxms]|hev[cxms]|mif[12]|msf1|miaf|jpe[g ]|jpgs|avc[is]|vvi[cs]|evb[is]|j2k[is]|avio|unif)$/u;

/**
 * Netpbm has two letters of signature, then blanks or comments, then the width and height as digits. A comment ends
 * with either end of a line, and may follow a number at once.
 */
const NETPBM = /^P[1-6](?:\s|#[^\r\n]*[\r\n])+\d+(?:\s|#[^\r\n]*[\r\n])+\d+[\s#]/u;
/** Its later kinds: PAM names its fields, PFM has a scale behind the size; XV's thumbnails begin likewise. */
const NETPBM_MORE =
  /^(?:P7\n(?:\s*#[^\n]*\n)*\s*(?:WIDTH|HEIGHT|DEPTH|MAXVAL|TUPLTYPE)\s|P7 332\n|P(?:[Ff]4?|[Hh])\s+\d+\s+\d+\s+-?\d)/u;
/** Pictures as text of the language C. */
const XPM = /^\s*static\s+(?:const\s+)?char\s*\*\s*(?:const\s+)?\w+\s*\[\s*\]\s*=\s*\{\s*"\s*\d+\s+\d+\s+\d+\s+\d+/u;
const XBM = /^\s*(?:\/\*.*?\*\/\s*)?#define\s+\w*width\s+\d+\s+#define\s+\w*height\s+\d+\s/su;

/** The first element is `svg`, with a prefix or without, behind any declarations and comments. */
const SVG = /^(?:<\?xml\b.*?<|<!doctype svg\b.*?<|<!--.*?-->\s*<|<)(?:[\w.-]+:)?svg[\s/>]/su;

/** Formats that only their names tell. */
const BY_NAME: readonly { readonly name: RegExp; readonly description: string; readonly remedy?: string }[] = [
  { name: /\.svgz$/iu, description: "a packed SVG drawing", remedy: EXPORT },
  { name: /\.pi?ct$/iu, description: "a PICT picture" },
  { name: /\.sai2?$/iu, description: "a PaintTool SAI document", remedy: EXPORT },
  { name: /\.procreate$/iu, description: "a Procreate document", remedy: EXPORT },
  { name: /\.wbmp$/iu, description: "a WBMP picture" },
  { name: /\.xwd$/iu, description: "an XWD picture" },
];

/** Recognises a format by its first bytes (`SNIFF_BYTES` are plenty). */
export function sniffFormat(bytes: Uint8Array, hints: SniffHints = {}): SniffedFormat {
  if (bytes.byteLength === 0) return something("an empty file (zero bytes)");
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SNIFF_BYTES)).toString("latin1");
  const byName = BY_NAME.find(({ name }) => name.test(hints.name ?? ""));
  const found = SIGNATURES.find(
    ({ at, bytes: signature, holds }) => head.startsWith(signature, at) && (holds?.(head) ?? true),
  );
  if (found !== undefined) {
    const { format, description, isPicture = format !== undefined && format !== "zip" } = found;
    if (format === "tiff" && RAW_NAME.test(hints.name ?? ""))
      return unreadPicture(RAW_PICTURE.description, RAW_PICTURE.remedy);
    if (!isPicture && byName !== undefined) return unreadPicture(byName.description, byName.remedy);
    const remedy = format === undefined ? (found.remedy ?? (isPicture ? SAVE : UNPACK)) : undefined;
    return { format, description, remedy, isPicture, mayHoldPages: found.mayHoldPages ?? false };
  }
  if (DISC_MARK.test(Buffer.from(bytes.subarray(DISC_MARK_AT, DISC_SNIFF_BYTES)).toString("latin1")))
    return { ...something("a disc image (ISO)", UNPACK), mayHoldPages: true };
  // A box that is longer than 64 KiB is none; four printable bytes there could make libvips take the file for an SVG.
  if (head.startsWith("\0\0") && head.startsWith("ftyp", 4)) return sniffIsoMedia(head);
  if (NETPBM_MORE.test(head)) return unreadPicture("a Netpbm picture (PAM, PFM)");
  if (XBM.test(head)) return unreadPicture("an XBM picture");
  if (XPM.test(head)) return unreadPicture("an XPM picture");
  if (byName !== undefined) return unreadPicture(byName.description, byName.remedy);
  if (NETPBM.test(head)) return unreadPicture("a Netpbm picture (PBM, PGM, PPM)");
  const text = (/^(?:\xff\xfe|\xfe\xff)/u.test(head) ? head.slice(2).replaceAll("\0", "") : head)
    .replace(/^\xef\xbb\xbf/u, "")
    .trimStart()
    .toLowerCase();
  if (SVG.test(text)) return unreadPicture("an SVG drawing", EXPORT);
  if (text.startsWith("<!doctype html") || text.startsWith("<html"))
    return something("a web page (HTML), often an error page saved by a download", "fetch it again");
  // oxlint-disable-next-line no-control-regex -- a file with control characters is no text
  if (!/[\0-\x08\x0e-\x1a\x1c-\x1f]/u.test(head)) return something("plain text");
  if (isTarga(head, hints)) return unreadPicture("a TGA picture");
  return something("no known picture format");
}

function something(description: string, remedy?: string): SniffedFormat {
  return { format: undefined, description, remedy, isPicture: false };
}

function unreadPicture(description: string, remedy = SAVE): SniffedFormat {
  return { format: undefined, description, remedy, isPicture: true };
}

const TARGA_HEADER_BYTES = 18;
/** What may follow the pixels of an uncompressed TGA: footer, developer and extension area. */
const TARGA_TAIL_BYTES = 8192;

/**
 * TGA has no signature. A header whose fields all make sense is one where the file has just the size that it states,
 * or is packed and begins with rows that end where they should, or has the extension of the format.
 */
function isTarga(head: string, { sizeBytes, name }: SniffHints): boolean {
  if (head.length < TARGA_HEADER_BYTES) return false;
  const [hasMap, type, depth, descriptor] = [1, 2, 16, 17].map((at) => byteAt(head, at)) as [
    number,
    number,
    number,
    number,
  ];
  const [width, height, mapLength, mapDepth] = [uint16(head, 12), uint16(head, 14), uint16(head, 5), byteAt(head, 7)];
  const usesMap = (type & 7) === 1;
  if (![1, 2, 3, 9, 10, 11].includes(type) || hasMap > 1 || (usesMap && hasMap === 0) || width * height === 0)
    return false;
  if (![8, 15, 16, 24, 32].includes(depth) || (descriptor & 0xc0) !== 0) return false;
  if (hasMap === 1 ? ![15, 16, 24, 32].includes(mapDepth) : mapLength + mapDepth > 0) return false;
  if (/\.(?:tga|targa|icb|vda|vst)$/iu.test(name ?? "")) return true;
  const mapBytes = hasMap * mapLength * Math.ceil(mapDepth / 8);
  const start = TARGA_HEADER_BYTES + byteAt(head, 0) + mapBytes;
  const pixelBytes = Math.ceil(depth / 8);
  const pixels = width * height;
  if (sizeBytes === undefined) return false;
  if (type <= 3) {
    const least = start + pixels * pixelBytes;
    return sizeBytes >= least && sizeBytes <= least + TARGA_TAIL_BYTES;
  }
  const mostPacked = pixels * pixelBytes + Math.ceil(pixels / TARGA_RUN) + height;
  return sizeBytes <= start + mostPacked + TARGA_TAIL_BYTES && isPackedTarga(head, start, width, height, pixelBytes);
}

/** Pixels of the longest run. */
const TARGA_RUN = 128;
/** So many rows that end with a run are no chance. */
const TARGA_ROWS = 4;

/** Whether runs fill whole rows, as encoders write them, as far as `head` goes: some rows, or the whole picture. */
function isPackedTarga(head: string, start: number, width: number, height: number, pixelBytes: number): boolean {
  let [at, pixels, rows] = [start, 0, 0];
  while (at < head.length && rows < height) {
    const run = byteAt(head, at);
    const count = (run & 127) + 1;
    at += 1 + pixelBytes * (run > 127 ? 1 : count);
    pixels += count;
    if (pixels > width) return false;
    if (pixels < width) continue;
    pixels = 0;
    rows++;
  }
  return rows >= Math.min(TARGA_ROWS, height) && height > 1;
}

/** HEIF family: AVIF is read; HEIC is not, its decoder is not part of the prebuilt library. */
function sniffIsoMedia(head: string): SniffedFormat {
  const length = Math.min(Math.max(byteAt(head, 3) + 256 * byteAt(head, 2), 16), 256);
  const brands = [head.slice(8, 12), ...(head.slice(16, length).match(/.{4}/gsu) ?? [])];
  if (brands.some((brand) => AVIF_BRANDS.has(brand)))
    return { format: "avif", description: "an AVIF picture", isPicture: true };
  if (brands.some((brand) => HEIF_BRAND.test(brand))) return unreadPicture("a HEIC picture", "save it as PNG or JPEG");
  if (brands[0] === "crx ") return unreadPicture(RAW_PICTURE.description, RAW_PICTURE.remedy);
  return something("a video or other media file");
}

/**
 * What is said of a file that cannot be read as a picture: a valid one of a format that is not read, or none at all.
 */
export function unreadableFile(name: string, { description, remedy, isPicture }: SniffedFormat): ImageProcessingError {
  return new ImageProcessingError(
    isPicture ? "ERR_IMAGE_UNSUPPORTED" : "ERR_IMAGE_DECODE",
    `${name} is not a picture that can be read: it is ${description}. PNG, JPEG, WebP, TIFF, AVIF and GIF are read`,
    { imagePath: name, remedy },
  );
}
