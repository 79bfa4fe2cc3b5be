/** The segments of a JPEG (ITU-T T.81, annex B): what its headers say, and whether it has its end. */

/** A marker and where its data lie, the two bytes of their length left out. */
interface JpegSegment {
  /** The marker's second byte, such as 0xc0. */
  readonly marker: number;
  readonly at: number;
  readonly length: number;
}

/** Second bytes of the markers that stand at the ends of a file and before its pixels. */
export const MARKER = { startOfImage: 0xd8, endOfImage: 0xd9, startOfScan: 0xda } as const;
const END = Uint8Array.of(0xff, MARKER.endOfImage);

/**
 * The segments in order, those of later scans too, up to the end marker; none for what is no JPEG. Stops where the file
 * ends or is no JPEG any more. Never throws.
 */
export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment, void, undefined> {
  if (bytes[0] !== 0xff || bytes[1] !== MARKER.startOfImage) return;
  for (let at = 2; at + 1 < bytes.length;) {
    if (bytes[at] !== 0xff) return;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    if (marker === MARKER.endOfImage) {
      yield { marker, at: at + 2, length: 0 };
      return;
    }
    if (at + 3 >= bytes.length) return;
    const length = bytes[at + 2]! * 256 + bytes[at + 3]!;
    yield { marker, at: at + 4, length: Math.max(0, length - 2) };
    at += 2 + length;
    if (marker === MARKER.startOfScan) at = endOfScan(bytes, at);
  }
}

/** Where the coded pixels from `at` on end: at the first marker that is no restart. */
export function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

/** The frame header: start-of-frame markers but for those of tables between them. */
export function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/**
 * The file with an end marker, if headers show that nothing else is missing: the decoder says of such a
 * file whether its last scan is whole. Undefined for a file that has its end or lacks more.
 */
export function withJpegEnd(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.at(-2) === 0xff && bytes.at(-1) === MARKER.endOfImage) return undefined;
  const scans: Scan[] = [];
  let components: number[] = [];
  for (const { marker, at, length } of jpegSegments(bytes)) {
    if (marker === MARKER.endOfImage || at + length > bytes.length) return undefined;
    if (isFrameHeader(marker)) components = frameComponents(bytes.subarray(at, at + length));
    else if (marker === MARKER.startOfScan) scans.push(readScan(bytes.subarray(at, at + length)));
  }
  if (scans.length === 0 || components.length === 0 || !coversAll(components, scans)) return undefined;
  const whole = new Uint8Array(bytes.length + END.length);
  whole.set(bytes);
  whole.set(END, bytes.length);
  return whole;
}

/** Coefficients of some components, and how many of their low bits are still to come. */
interface Scan {
  readonly components: readonly number[];
  readonly first: number;
  readonly last: number;
  readonly missingBits: number;
}

function frameComponents(data: Uint8Array): number[] {
  return Array.from({ length: data[5] ?? 0 }, (_, i) => data[6 + 3 * i] ?? -1);
}

function readScan(data: Uint8Array): Scan {
  const count = data[0] ?? 0;
  const [first = 0, last = 0, bits = 0] = data.subarray(1 + 2 * count);
  return {
    components: Array.from({ length: count }, (_, i) => data[1 + 2 * i] ?? -1),
    first,
    last,
    missingBits: bits & 15,
  };
}

/** Whether the scans of a progressive file bring every coefficient to its last bit; of others, every component. */
function coversAll(components: readonly number[], scans: readonly Scan[]): boolean {
  return components.every((component) => {
    const missing = new Uint8Array(64).fill(255);
    for (const scan of scans)
      if (scan.components.includes(component)) missing.fill(scan.missingBits, scan.first, scan.last + 1);
    return missing.every((bits) => bits === 0);
  });
}
