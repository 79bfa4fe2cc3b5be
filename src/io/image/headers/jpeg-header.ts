/**
 * Puts the headers of a JPEG as decoders read them: without bytes of no segment, an unknown JFIF version, or a colour
 * transform of Adobe's that does not fit.
 */
import { MARKER } from "./jpeg-segments.js";

const JFIF = [0x4a, 0x46, 0x49, 0x46, 0x00] as const;
const APP0 = 0xe0;
const ADOBE = [0x41, 0x64, 0x6f, 0x62, 0x65] as const;
const APP14 = 0xee;
/** Where Adobe's segment has its transform; 0 is none, 1 YCbCr, 2 YCCK. */
const TRANSFORM_AT = 15;
/** Frame headers: SOF0 to SOF15 without what lies between them (DHT, JPG, DAC). */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
const COMPONENTS_AT = 9;
/** Markers without data, of which none has a place before the first scan: TEM, and the restarts. */
const hasNoData = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

/**
 * A copy in which the segments before the first scan follow one another, found as decoders find them: at the next
 * marker. Undefined for a file that is so already, and for one whose headers end before a scan. Never throws.
 */
export function withPlainHeaders(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== MARKER.startOfImage) return undefined;
  const kept = [bytes.subarray(0, 2)];
  let isPlain = true;
  let adobeAt: number | undefined;
  for (let at = 2; ;) {
    const start = nextMarker(bytes, at);
    const marker = start === undefined ? undefined : bytes[start + 1]!;
    if (start === undefined || marker === MARKER.startOfImage || marker === MARKER.endOfImage) return undefined;
    const skipped = bytes.subarray(at, start);
    if (isLostSegment(skipped)) return undefined;
    if (skipped.some((byte) => byte !== 0xff)) isPlain = false;
    if (marker === MARKER.startOfScan) {
      return isPlain ? undefined : new Uint8Array(Buffer.concat([...kept, bytes.subarray(start)]));
    }
    if (hasNoData(marker!)) {
      isPlain = false;
      at = start + 2;
      continue;
    }
    const end = start + 2 + (bytes[start + 2] ?? 0) * 256 + (bytes[start + 3] ?? 0);
    if (end < start + 4 || end > bytes.length) return undefined;
    const segment = bytes.subarray(start, end);
    const known = withKnownVersion(segment);
    if (known !== segment) isPlain = false;
    if (isAdobe(segment)) adobeAt = kept.length;
    kept.push(known);
    if (isFrame(marker!) && adobeAt !== undefined) {
      const before = kept[adobeAt]!;
      kept[adobeAt] = withKnownTransform(before, segment[COMPONENTS_AT]!);
      if (kept[adobeAt] !== before) isPlain = false;
    }
    at = end;
  }
}

/** Whether bytes are a segment whose marker has lost its first byte: then the picture may lack what is in it. */
function isLostSegment(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[2]! * 256 + bytes[3]! + 2 === bytes.length;
}

/** Where the next two bytes stand that are a marker: not a fill byte, and not a 0xff of data. */
function nextMarker(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1))
    if (bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff) return at;
  return undefined;
}

/** A JFIF header of version 1, as which decoders read all others. */
function withKnownVersion(segment: Uint8Array): Uint8Array {
  const isOther = segment[1] === APP0 && JFIF.every((byte, i) => segment[4 + i] === byte) && segment[9] !== 1;
  if (!isOther || segment.length < 11) return segment;
  const known = new Uint8Array(segment);
  known[9] = 1;
  return known;
}

function isAdobe(segment: Uint8Array): boolean {
  return segment[1] === APP14 && segment.length > TRANSFORM_AT && ADOBE.every((byte, i) => segment[4 + i] === byte);
}

/** Adobe's segment with the transform that decoders take for one that does not fit. */
function withKnownTransform(segment: Uint8Array, components: number): Uint8Array {
  const coded = components === 3 ? 1 : components === 4 ? 2 : undefined;
  const transform = segment[TRANSFORM_AT]!;
  if (coded === undefined || transform === 0 || transform === coded) return segment;
  const known = new Uint8Array(segment);
  known[TRANSFORM_AT] = coded;
  return known;
}
