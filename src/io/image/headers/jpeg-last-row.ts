/** A JPEG with one row too many, for the decoder's warnings about its last row. */
import { endOfScan, isFrameHeader, jpegSegments } from "./jpeg-segments.js";

const SEQUENTIAL = new Set([0xc0, 0xc1]);
const MARKER = { startOfScan: 0xda, restartInterval: 0xdd, firstRestart: 0xd0 } as const;
const RESTARTS = 8;
const BLOCK = 8;
const PLAIN_FACTORS = 0x11;
const MOST_ROWS = 65_500;
/** libvips refuses a file at the decoder's hundredth warning; a row without data gives one at each of its restarts. */
const MOST_RESTARTS = 50;

/** The frame of a file whose rows of units are decoded one after the other. */
interface PlainFrame {
  /** Where the header of the frame begins. */
  readonly at: number;
  readonly isSingle: boolean;
  /** Rows of units of coded blocks, and pixels in each of them. */
  readonly unitRows: number;
  readonly rowPixels: number;
  readonly unitsPerRow: number;
}

/**
 * The file with one row of pixels more than it has data for, if it is one scan, and the number of its rows; otherwise
 * undefined. libvips takes the decoder's warnings before each eight rows of pixels and so misses those of the last,
 * unless the decoder reads ahead. Of this file, the last row is the one too many.
 */
export function withRowTooMany(bytes: Uint8Array): { readonly file: Uint8Array; readonly rows: number } | undefined {
  let frame: PlainFrame | undefined;
  let interval = 0;
  const scans: number[] = [];
  for (const { marker, at, length } of jpegSegments(bytes)) {
    const data = bytes.subarray(at, at + length);
    if (marker === MARKER.startOfScan) scans.push(at + length);
    if (marker === MARKER.restartInterval) interval = (data[0] ?? 0) * 256 + (data[1] ?? 0);
    if (!isFrameHeader(marker)) continue;
    frame = SEQUENTIAL.has(marker) ? plainFrame(data, at) : undefined;
    if (frame === undefined) return undefined;
  }
  if (frame === undefined || scans.length !== 1) return undefined;
  const rows = frame.unitRows * frame.rowPixels + 1;
  if (rows > MOST_ROWS) return undefined;
  const file = withRestarts(bytes, scans[0]!, frame, interval) ?? new Uint8Array(bytes);
  new DataView(file.buffer).setUint16(frame.at + 1, rows);
  if (frame.isSingle) file[frame.at + 7] = PLAIN_FACTORS;
  return { file, rows };
}

/** Undefined where the decoder reads ahead: for smooth colours of half the height it needs the row below. */
function plainFrame(data: Uint8Array, at: number): PlainFrame | undefined {
  const isSingle = data[5] === 1;
  const sampling = Array.from({ length: data[5] ?? 0 }, (_, i) => data[7 + 3 * i] ?? 0);
  if (sampling.length === 0 || data.length < 6 + 3 * sampling.length) return undefined;
  // The blocks of a single component are coded one by one, whatever its factors.
  const factors = isSingle ? [[1, 1]] : sampling.map((value) => [value >> 4, value & 15]);
  const across = Math.max(...factors.map(([value]) => value!));
  const down = Math.max(...factors.map(([, value]) => value!));
  if (factors.some(([x, y]) => y! * 2 === down && (x === across || x! * 2 === across))) return undefined;
  const [height, width] = [data[1]! * 256 + data[2]!, data[3]! * 256 + data[4]!];
  const rowPixels = BLOCK * down;
  return {
    at,
    isSingle,
    rowPixels,
    unitRows: Math.ceil(height / rowPixels),
    unitsPerRow: Math.ceil(width / (BLOCK * across)),
  };
}

/**
 * A copy in which the row too many has data, where it would have many restarts: the first interval of the file again
 * and again. Undefined where that is not needed, or where restarts are missing: that is damage.
 */
function withRestarts(
  bytes: Uint8Array,
  from: number,
  { unitRows, unitsPerRow }: PlainFrame,
  interval: number,
): Uint8Array | undefined {
  if (interval === 0 || unitsPerRow / interval < MOST_RESTARTS) return undefined;
  const end = endOfScan(bytes, from);
  const restarts = restartsIn(bytes, from, end);
  if (restarts.length < Math.ceil((unitsPerRow * unitRows) / interval) - 1) return undefined;
  const first = bytes.subarray(from, restarts[0] ?? end);
  const added = Array.from({ length: Math.ceil(unitsPerRow / interval) }, (_, i) => {
    const number = MARKER.firstRestart + ((restarts.length + i) % RESTARTS);
    return [Uint8Array.of(0xff, number), first];
  });
  return new Uint8Array(Buffer.concat([bytes.subarray(0, end), ...added.flat(), bytes.subarray(end)]));
}

/** Where restart markers stand. */
function restartsIn(bytes: Uint8Array, from: number, end: number): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at + 1 < end; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1]!;
    if (next >= MARKER.firstRestart && next < MARKER.firstRestart + RESTARTS) found.push(at);
  }
  return found;
}
