/** Reads the flattened picture of a Photoshop document as `psd.ts` writes it: RGB of 8 bits, PackBits. */
import type { PixelImage } from "../../../binding/pixels/pixels.js";
import { ImageProcessingError } from "../../../errors.js";

const HEADER_BYTES = 26;
const CHANNELS = 3;

/** True where the bytes begin as a Photoshop document does. */
export function isPsd(bytes: Uint8Array): boolean {
  return bytes[0] === 0x38 && bytes[1] === 0x42 && bytes[2] === 0x50 && bytes[3] === 0x53;
}

/**
 * The flattened picture.
 * @throws ImageProcessingError `ERR_IMAGE_DECODE` for a document that is cut short or of another kind
 */
export function readFlattened(bytes: Uint8Array, name: string): PixelImage<3> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return read(view);
  } catch (cause) {
    throw new ImageProcessingError("ERR_IMAGE_DECODE", `${name} is not a Photoshop document that can be shown`, {
      imagePath: name,
      cause,
    });
  }
}

function read(view: DataView): PixelImage<3> {
  const [version, channels, depth, mode] = [4, 12, 22, 24].map((at) => view.getUint16(at));
  const [height, width] = [view.getUint32(14), view.getUint32(18)];
  if (version !== 1 || channels !== CHANNELS || depth !== 8 || mode !== 3) throw new Error("of another kind");
  let at = HEADER_BYTES;
  for (let section = 0; section < 3; section++) at += 4 + view.getUint32(at); // colours, resources, layers
  if (view.getUint16(at) !== 1) throw new Error("not packed by PackBits");
  at += 2;
  const rows = height * CHANNELS;
  if (at + rows * 2 > view.byteLength) throw new Error("cut short");
  const data = new Uint8Array(width * rows);
  let from = at + rows * 2;
  for (let row = 0; row < rows; row++) {
    const end = from + view.getUint16(at + row * 2);
    unpackRow(view, from, end, data, Math.floor(row / height) + (row % height) * width * CHANNELS, width);
    from = end;
  }
  return { width, height, channels: 3, data };
}

/** Unpacks one row of one channel into every third byte from `to`. */
function unpackRow(view: DataView, from: number, end: number, data: Uint8Array, to: number, width: number): void {
  let left = width;
  let target = to;
  const put = (value: number): void => {
    if (left-- <= 0) throw new Error("a row is longer than the picture");
    data[target] = value;
    target += CHANNELS;
  };
  for (let at = from; at < end;) {
    const count = view.getInt8(at++);
    if (count >= 0) for (let copied = 0; copied <= count; copied++) put(view.getUint8(at++));
    else if (count !== -128) {
      const value = view.getUint8(at++);
      for (let repeated = count; repeated <= 0; repeated++) put(value);
    }
  }
  if (left !== 0) throw new Error("a row is shorter than the picture");
}
