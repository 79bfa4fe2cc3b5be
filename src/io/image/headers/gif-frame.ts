/** The first picture of a GIF (GIF89a): where it lies on the screen, and its packed pixels. */

/** A frame, in pixels of the screen. */
export interface GifFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** It leaves a part of the screen free. */
  readonly isPartial: boolean;
  /** Bits of an index into the palette. */
  readonly symbolBits: number;
  /** Colours of the palette; 0 where it has none. */
  readonly colors: number;
  /** The packed indices, without the sizes that stand between them. */
  readonly data: Uint8Array;
  /** All of the data stand in the file, with the empty block that ends them. */
  readonly isWhole: boolean;
  /** The byte that ends the file stands behind the last block. */
  readonly hasEnd: boolean;
}

/** Where width and height of the screen stand, and where its header ends. */
const [SCREEN_AT, SCREEN_BYTES] = [6, 13];
const FRAME_BYTES = 10;
const BLOCK = { extension: 0x21, image: 0x2c, end: 0x3b } as const;
const HAS_PALETTE = 0x80;

/** Undefined where there is no frame, or not all of its header. Never throws. */
export function firstGifFrame(bytes: Uint8Array): GifFrame | undefined {
  const flags = bytes[10];
  if (flags === undefined || bytes.length < SCREEN_BYTES) return undefined;
  const ofScreen = paletteColors(flags);
  for (let at = SCREEN_BYTES + 3 * ofScreen; at < bytes.length;) {
    if (bytes[at] === BLOCK.image) return readFrame(bytes, at, ofScreen);
    if (bytes[at] === BLOCK.end) return undefined;
    // What is neither is skipped byte by byte, as decoders do.
    at = bytes[at] === BLOCK.extension ? subBlocks(bytes, at + 2).end : at + 1;
  }
  return undefined;
}

function readFrame(bytes: Uint8Array, at: number, ofScreen: number): GifFrame | undefined {
  if (at + FRAME_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_BYTES);
  const own = paletteColors(view.getUint8(9));
  const dataAt = at + FRAME_BYTES + 3 * own;
  const symbolBits = bytes[dataAt];
  if (symbolBits === undefined) return undefined;
  const { parts, end, isWhole } = subBlocks(bytes, dataAt + 1);
  return {
    left: view.getUint16(1, true),
    top: view.getUint16(3, true),
    width: view.getUint16(5, true),
    height: view.getUint16(7, true),
    isPartial: isPartial(bytes, view),
    symbolBits,
    colors: own === 0 ? ofScreen : own,
    data: Buffer.concat(parts),
    isWhole,
    hasEnd: endsAt(bytes, end),
  };
}

function isPartial(bytes: Uint8Array, frame: DataView): boolean {
  const screen = new DataView(bytes.buffer, bytes.byteOffset + SCREEN_AT, 4);
  const covers = (at: number): boolean =>
    frame.getUint16(at + 1, true) === 0 && frame.getUint16(at + 5, true) >= screen.getUint16(at, true);
  return !covers(0) || !covers(2);
}

/** Blocks of up to 255 bytes, behind a byte each that counts them, up to an empty one. */
function subBlocks(bytes: Uint8Array, from: number): { parts: Uint8Array[]; end: number; isWhole: boolean } {
  const parts: Uint8Array[] = [];
  let at = from;
  while (at < bytes.length && bytes[at] !== 0) {
    parts.push(bytes.subarray(at + 1, at + 1 + bytes[at]!));
    at += 1 + bytes[at]!;
  }
  return { parts, end: at + 1, isWhole: at < bytes.length };
}

/** Whether the blocks behind the first frame go on to the end mark. */
function endsAt(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < bytes.length;) {
    if (bytes[at] === BLOCK.end) return true;
    if (bytes[at] === BLOCK.image) {
      if (at + FRAME_BYTES > bytes.length) return false;
      at = subBlocks(bytes, at + FRAME_BYTES + 3 * paletteColors(bytes[at + 9]!) + 1).end;
    } else at = bytes[at] === BLOCK.extension ? subBlocks(bytes, at + 2).end : at + 1;
  }
  return false;
}

const paletteColors = (flags: number): number => ((flags & HAS_PALETTE) === 0 ? 0 : 2 << (flags & 7));
