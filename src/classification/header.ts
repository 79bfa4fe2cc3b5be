/**
 * What a file's header alone decides: a picture that can only be gray is line art, by either decision, without being
 * decoded.
 */

/** True for PNG, JPEG and TIFF whose header leaves no room for colour. False says nothing. Never throws. */
export function isGrayByHeader(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (bytes.byteLength > 33 && view.getUint32(0) === 0x89504e47) return isGrayPng(view);
    if (bytes.byteLength > 4 && view.getUint16(0) === 0xffd8) return isGrayJpeg(view);
    if (bytes.byteLength > 8 && (view.getUint32(0) === 0x49492a00 || view.getUint32(0) === 0x4d4d002a))
      return isGrayTiff(view, view.getUint8(0) === 0x49);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // cut off: for the decoder to say
  }
  return false;
}

/**
 * True for a PNG of 8-bit RGB without transparency, colour profile and EXIF: one whose pixels are what its data say,
 * for the classifier as for the engine. False says nothing. Never throws.
 */
export function isPlainPng(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength <= 33 || view.getUint32(0) !== 0x89504e47 || view.getUint8(24) !== 8 || view.getUint8(25) !== 2)
    return false;
  for (let at = 33; at + 8 <= bytes.byteLength; at += view.getUint32(at) + 12) {
    const type = view.getUint32(at + 4);
    if (type === CHUNK.IDAT) return true;
    if (type === CHUNK.tRNS || type === CHUNK.iCCP || type === CHUNK.eXIf) return false;
  }
  return false;
}

const CHUNK = { IDAT: 0x49444154, PLTE: 0x504c5445, tRNS: 0x74524e53, iCCP: 0x69434350, eXIf: 0x65584966 };

/** Colour type gray or gray and alpha, or a palette of grays alone. */
function isGrayPng(view: DataView): boolean {
  const colourType = view.getUint8(25);
  if (colourType === 0 || colourType === 4) return true;
  if (colourType !== 3) return false;
  for (let at = 33; ;) {
    const length = view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (type === CHUNK.PLTE) {
      for (let i = at + 8; i < at + 8 + length; i += 3)
        if (view.getUint8(i) !== view.getUint8(i + 1) || view.getUint8(i) !== view.getUint8(i + 2)) return false;
      return true;
    }
    if (type === CHUNK.IDAT) return false;
    at += length + 12;
  }
}

/** One component in the frame header. */
function isGrayJpeg(view: DataView): boolean {
  for (let at = 2; ;) {
    if (view.getUint8(at) !== 0xff) return false;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at++;
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return view.getUint8(at + 9) === 1;
    else if (marker === 0xda || marker === 0xd9) return false;
    else at += 2 + view.getUint16(at + 2);
  }
}

/** White or black is zero, in the first directory. */
function isGrayTiff(view: DataView, little: boolean): boolean {
  const directory = view.getUint32(4, little);
  for (let i = 0; i < view.getUint16(directory, little); i++) {
    const entry = directory + 2 + 12 * i;
    if (view.getUint16(entry, little) === 262) return view.getUint16(entry + 8, little) <= 1;
  }
  return false;
}
