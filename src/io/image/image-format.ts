/**
 * What bytes are, by their first ones: the picture formats that are decoded, and a description of everything else for
 * messages.
 */

/** Formats that are decoded and encoded (GIF is decoded only). */
export type ImageFormat = "png" | "jpeg" | "webp" | "tiff" | "avif" | "gif";

export interface SniffedFormat {
  /** A picture format, a container, or undefined. */
  readonly format: ImageFormat | "zip" | undefined;
  /** For messages, with its article: "a PNG picture", "plain text". */
  readonly description: string;
}

const AVIF_BRANDS = new Set(["avif", "avis"]);

/** Signatures by position; the first that fits wins. `format` is only set for what the engine reads. */
const SIGNATURES: readonly { at: number; bytes: string; format?: ImageFormat | "zip"; description: string }[] = [
  { at: 0, bytes: "\x89PNG\r\n\x1a\n", format: "png", description: "a PNG picture" },
  { at: 0, bytes: "\xff\xd8\xff", format: "jpeg", description: "a JPEG picture" },
  { at: 0, bytes: "GIF8", format: "gif", description: "a GIF picture" },
  { at: 8, bytes: "WEBP", format: "webp", description: "a WebP picture" },
  { at: 0, bytes: "II*\0", format: "tiff", description: "a TIFF picture" },
  { at: 0, bytes: "MM\0*", format: "tiff", description: "a TIFF picture" },
  { at: 0, bytes: "II+\0", format: "tiff", description: "a BigTIFF picture" },
  { at: 0, bytes: "MM\0+", format: "tiff", description: "a BigTIFF picture" },
  { at: 0, bytes: "PK\x03\x04", format: "zip", description: "a ZIP archive" },
  { at: 0, bytes: "PK\x05\x06", format: "zip", description: "an empty ZIP archive" },
  { at: 0, bytes: "Rar!", description: "a RAR archive (CBR); unpack it or convert it to CBZ" },
  { at: 0, bytes: "7z\xbc\xaf", description: "a 7z archive (CB7); unpack it or convert it to CBZ" },
  { at: 0, bytes: "%PDF", description: "a PDF document; export its pages as pictures" },
  { at: 0, bytes: "BM", description: "a BMP picture; save it as PNG" },
  { at: 0, bytes: "8BPS", description: "a Photoshop document; export it as PNG" },
  { at: 0, bytes: "\xff\x0a", description: "a JPEG XL picture; save it as PNG" },
  { at: 4, bytes: "JXL ", description: "a JPEG XL picture; save it as PNG" },
  { at: 0, bytes: "\0\0\x01\0", description: "an icon" },
  { at: 0, bytes: "\x1f\x8b", description: "a gzip file" },
];

/** Recognises a format by its first bytes (4096 are plenty). */
export function sniffFormat(bytes: Uint8Array): SniffedFormat {
  if (bytes.byteLength === 0) return { format: undefined, description: "an empty file (zero bytes)" };
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4096)).toString("latin1");
  const found = SIGNATURES.find(
    ({ at, bytes: signature, format }) =>
      head.startsWith(signature, at) && (format !== "webp" || head.startsWith("RIFF")),
  );
  if (found !== undefined) return { format: found.format, description: found.description };
  // A box that is longer than 64 KiB is none; four printable bytes there could make libvips take the file for an SVG.
  if (head.startsWith("\0\0") && head.startsWith("ftyp", 4)) return sniffIsoMedia(head);
  const text = head
    .replace(/^\xef\xbb\xbf/u, "")
    .trimStart()
    .toLowerCase();
  if (text.startsWith("<svg") || (text.startsWith("<?xml") && text.includes("<svg")))
    return { format: undefined, description: "an SVG drawing; export it as PNG" };
  if (text.startsWith("<!doctype html") || text.startsWith("<html"))
    return { format: undefined, description: "a web page (HTML), often an error page saved by a download" };
  // oxlint-disable-next-line no-control-regex -- a file with control characters is no text
  if (!/[\0-\x08\x0e-\x1a\x1c-\x1f]/u.test(head)) return { format: undefined, description: "plain text" };
  return { format: undefined, description: "no known picture format" };
}

/** HEIF family: AVIF is read; HEIC is not, its decoder is not part of the prebuilt library. */
function sniffIsoMedia(head: string): SniffedFormat {
  const length = Math.min(Math.max(head.codePointAt(3)! + 256 * head.codePointAt(2)!, 16), 256);
  const brands = [head.slice(8, 12), ...(head.slice(16, length).match(/.{4}/gsu) ?? [])];
  if (brands.some((brand) => AVIF_BRANDS.has(brand))) return { format: "avif", description: "an AVIF picture" };
  if (brands.some((brand) => /^(hei[cxms]|hev[cxms]|mif1)$/u.test(brand)))
    return { format: undefined, description: "a HEIC picture; save it as PNG or JPEG" };
  return { format: undefined, description: "a video or other media file" };
}
