/** Reads the resolution from an EXIF block. sharp reports it for JPEG, PNG and TIFF, not for WebP and AVIF. */

const X_RESOLUTION = 0x011a;
const RESOLUTION_UNIT = 0x0128;
const RATIONAL = 5;
const NO_UNIT = 1;
const CENTIMETRES = 3;

/** From a unit to the inch; inches where it is not named. A number without a unit is the pixels' shape. */
const PER_UNIT = new Map([
  [NO_UNIT, 0],
  [CENTIMETRES, 2.54],
]);

/**
 * Pixels per inch of the first directory; undefined when there is none, when they are per no unit and when the block is
 * damaged.
 */
export function exifDensity(exif: Uint8Array): number | undefined {
  try {
    return readDensity(withoutMarker(exif));
  } catch (error) {
    if (error instanceof RangeError) return undefined; // an offset that leads out of the block
    throw error;
  }
}

/** JPEG's block begins with "Exif\0\0", those of other formats may. */
function withoutMarker(exif: Uint8Array): DataView {
  const marked = exif[0] === 0x45 && exif[1] === 0x78;
  return new DataView(exif.buffer, exif.byteOffset + (marked ? 6 : 0), exif.byteLength - (marked ? 6 : 0));
}

function readDensity(view: DataView): number | undefined {
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const directory = view.getUint32(4, little);
  let density: number | undefined;
  let perUnit = 1;
  for (let i = 0; i < view.getUint16(directory, little); i++) {
    const entry = directory + 2 + 12 * i;
    const tag = view.getUint16(entry, little);
    if (tag === RESOLUTION_UNIT) perUnit = PER_UNIT.get(view.getUint16(entry + 8, little)) ?? 1;
    if (tag !== X_RESOLUTION || view.getUint16(entry + 2, little) !== RATIONAL) continue;
    const at = view.getUint32(entry + 8, little);
    density = view.getUint32(at, little) / view.getUint32(at + 4, little);
  }
  if (density === undefined || !Number.isFinite(density)) return undefined;
  const perInch = Math.round(density * perUnit * 100) / 100;
  return perInch > 0 ? perInch : undefined;
}
