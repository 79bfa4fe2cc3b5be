/** The first bytes of files by which formats are recognised, those that are read and those that are only named. */

/** Formats that are decoded and encoded (GIF is decoded only). */
export type ImageFormat = "png" | "jpeg" | "webp" | "tiff" | "avif" | "gif";

interface Signature {
  readonly at: number;
  readonly bytes: string;
  /** Only set for what the engine reads. */
  readonly format?: ImageFormat | "zip";
  /** A picture, or a drawing that is one page. */
  readonly isPicture?: boolean;
  /** An archive or document that is not opened. */
  readonly mayHoldPages?: boolean;
  /** What it is, with its article. */
  readonly description: string;
  /** What to do where it is not read. Default: pictures are saved as PNG, everything else is unpacked. */
  readonly remedy?: string;
  /** What must hold besides; for signatures so short that other files have them by chance. */
  readonly holds?: (head: string) => boolean;
}

const isFits = (head: string): boolean => /^SIMPLE {2}= {20}T/u.test(head);
const isIff = (head: string): boolean => head.startsWith("FORM");
/** Of LHA, the method between two dashes: `-lh5-`, `-lzs-`. */
const isLha = (head: string): boolean => /^-l[hz][0-9a-z]-/u.test(head.slice(2, 7));
/** Aseprite's header has 128 bytes and ends its first part with a depth of 8, 16 or 32. */
const isAseprite = (head: string): boolean => [8, 16, 32].includes(uint16(head, 12));
/** A cursor's list of pictures is an icon's. */
const isCursor = (head: string): boolean => uint16(head, 4) > 0 && uint16(head, 4) < 256 && byteAt(head, 9) === 0;
const isRiff = (head: string): boolean => head.startsWith("RIFF");
const isMayaIff = (head: string): boolean => /^FOR[48]/u.test(head);
/** Autodesk's FLI and FLC: a size, pixels of 8 bits. */
const isFlic = (head: string): boolean =>
  uint16(head, 8) > 0 && uint16(head, 10) > 0 && [0, 8].includes(uint16(head, 12));

export function byteAt(head: string, at: number): number {
  return head.codePointAt(at) ?? 0;
}

export function uint16(head: string, at: number): number {
  return byteAt(head, at) + 256 * byteAt(head, at + 1);
}

function uint32(head: string, at: number): number {
  return uint16(head, at) + 65_536 * uint16(head, at + 2);
}

const BMP_HEADER_BYTES = new Set([12, 16, 40, 52, 56, 64, 108, 124]);
/** A bitmap states the size of the header that follows the first 14 bytes. */
const isBitmap = (head: string): boolean => BMP_HEADER_BYTES.has(uint32(head, 14));
const PCX_VERSIONS = [0, 2, 3, 4, 5];
/** PCX has a signature of one byte: its version, encoding and bits per sample must fit as well. */
const isPcx = (head: string): boolean =>
  PCX_VERSIONS.includes(byteAt(head, 1)) && byteAt(head, 2) <= 1 && [1, 2, 4, 8].includes(byteAt(head, 3));
/** SGI's storage is 0 or 1 and a sample has 1 or 2 bytes. */
const isSgi = (head: string): boolean => byteAt(head, 2) <= 1 && [1, 2].includes(byteAt(head, 3));
/** An icon's first picture lies behind the list of its pictures. */
const isIcon = (head: string): boolean => {
  const count = uint16(head, 4);
  return count > 0 && count < 256 && byteAt(head, 9) === 0 && uint32(head, 18) >= 6 + 16 * count;
};

/**
 * Of ARJ, the size of its first header, the size of that without name and comment, and the type of an archive's header.
 */
const isArj = (head: string): boolean =>
  uint16(head, 2) > 0 &&
  uint16(head, 2) <= 2600 &&
  byteAt(head, 4) >= 30 &&
  byteAt(head, 4) < 64 &&
  byteAt(head, 10) === 2;

/** Of IM, the labels that follow the type of the picture. */
const isIfunc = (head: string): boolean => /^Image type: [^\r\n]*\r?\n(?:Name|Image size)/u.test(head);
/** SPIDER has no signature: its header is float32 values, whose sizes in words, records and bytes must agree. */
const isSpider = (head: string): boolean => {
  if (head.length < 92) return false;
  const view = new DataView(Uint8Array.from(head.slice(0, 92), (char) => char.codePointAt(0)!).buffer);
  const value = (word: number): number => view.getFloat32(4 * (word - 1), head.startsWith("\0"));
  return value(5) === 1 && value(12) > 0 && value(23) === 4 * value(12) && value(22) === value(13) * value(23);
};

const TAR_RECORD_BYTES = 512;
/** TAR had no signature before POSIX: the sum of the first record, its own field taken as blanks, tells. */
const isOldTar = (head: string): boolean => {
  const stated = /^ *([0-7]{1,7})[\0 ]/u.exec(head.slice(148, 156))?.[1];
  if (stated === undefined || head.length < TAR_RECORD_BYTES || byteAt(head, 0) === 0) return false;
  const record = `${head.slice(0, 148)}${" ".repeat(8)}${head.slice(156, TAR_RECORD_BYTES)}`;
  return (
    Array.from(record, (char) => char.codePointAt(0)!).reduce((sum, byte) => sum + byte, 0) === parseInt(stated, 8)
  );
};

/** What to do with what is not read. */
export const SAVE = "save it as PNG";
export const EXPORT = "export it as PNG";
export const UNPACK = "unpack it";
const UNPACK_OR_CONVERT = "unpack it or convert it to CBZ";
const OFFICE = {
  description: "a document of an old office program (DOC, PPT, XLS)",
  remedy: "export its pages as pictures",
} as const;
export const RAW_PICTURE = { description: "a camera's raw picture", remedy: "save it as PNG or JPEG" } as const;
/** Raw pictures that begin as a TIFF does; the first picture in them is a thumbnail. */
export const RAW_NAME =
  /\.(?:3fr|arw|bay|cap|cs1|dc[rs]|dng|erf|fff|gpr|iiq|k25|kdc|mef|mos|nef|nrw|orf|pef|ptx|pxn|rw[2lz]|sr[2fw]|sti)$/iu;

/** Signatures by position; the first that fits wins. */
export const SIGNATURES: readonly Signature[] = [
  { at: 0, bytes: "\x89PNG\r\n\x1a\n", format: "png", description: "a PNG picture" },
  { at: 0, bytes: "\xff\xd8\xff\xf7", isPicture: true, description: "a JPEG-LS picture" },
  { at: 0, bytes: "\xff\xd8\xff", format: "jpeg", description: "a JPEG picture" },
  { at: 0, bytes: "GIF8", format: "gif", description: "a GIF picture" },
  { at: 8, bytes: "WEBP", format: "webp", description: "a WebP picture", holds: isRiff },
  { at: 8, bytes: "CR\x02\0", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "IIU\0", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "IIRO", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "IIRS", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "MMOR", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "FUJIFILMCCD-RAW", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "\0MRM", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "FOVb", isPicture: true, ...RAW_PICTURE },
  { at: 6, bytes: "HEAPCCDR", isPicture: true, ...RAW_PICTURE },
  { at: 0, bytes: "II*\0", format: "tiff", description: "a TIFF picture" },
  { at: 0, bytes: "MM\0*", format: "tiff", description: "a TIFF picture" },
  { at: 0, bytes: "II+\0", format: "tiff", description: "a BigTIFF picture" },
  { at: 0, bytes: "MM\0+", format: "tiff", description: "a BigTIFF picture" },
  { at: 38, bytes: "application/x-krita", isPicture: true, description: "a Krita document", remedy: EXPORT },
  { at: 38, bytes: "image/openraster", isPicture: true, description: "an OpenRaster document", remedy: EXPORT },
  { at: 38, bytes: "application/epub+zip", format: "zip", description: "an EPUB book" },
  { at: 0, bytes: "PK\x03\x04", format: "zip", description: "a ZIP archive" },
  { at: 0, bytes: "PK\x05\x06", format: "zip", description: "an empty ZIP archive" },
  { at: 0, bytes: "Rar!", mayHoldPages: true, description: "a RAR archive (CBR)", remedy: UNPACK_OR_CONVERT },
  { at: 0, bytes: "7z\xbc\xaf", mayHoldPages: true, description: "a 7z archive (CB7)", remedy: UNPACK_OR_CONVERT },
  { at: 7, bytes: "**ACE**", mayHoldPages: true, description: "an ACE archive (CBA)", remedy: UNPACK_OR_CONVERT },
  { at: 257, bytes: "ustar", mayHoldPages: true, description: "a TAR archive (CBT)", remedy: UNPACK_OR_CONVERT },
  {
    at: 156,
    bytes: "",
    mayHoldPages: true,
    description: "a TAR archive (CBT)",
    remedy: UNPACK_OR_CONVERT,
    holds: isOldTar,
  },
  { at: 0, bytes: "\x60\xea", mayHoldPages: true, description: "an ARJ archive", holds: isArj },
  { at: 0, bytes: "ALZ\x01", mayHoldPages: true, description: "an ALZ archive" },
  { at: 0, bytes: "EGGA", mayHoldPages: true, description: "an EGG archive" },
  { at: 20, bytes: "\xdc\xa7\xc4\xfd", mayHoldPages: true, description: "a ZOO archive" },
  { at: 0, bytes: "StuffIt (c)", mayHoldPages: true, description: "a StuffIt archive" },
  { at: 10, bytes: "rLau", mayHoldPages: true, description: "a StuffIt archive" },
  { at: 0, bytes: "xar!", mayHoldPages: true, description: "a XAR archive" },
  { at: 0, bytes: "070701", mayHoldPages: true, description: "a CPIO archive" },
  { at: 0, bytes: "070707", mayHoldPages: true, description: "a CPIO archive" },
  { at: 0, bytes: "!<arch>\n", mayHoldPages: true, description: "an AR archive" },
  { at: 0, bytes: "ITSF", mayHoldPages: true, description: "a compiled help file (CHM)" },
  { at: 0, bytes: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", mayHoldPages: true, ...OFFICE },
  { at: 2, bytes: "-l", mayHoldPages: true, description: "an LHA archive", holds: isLha },
  { at: 0, bytes: "MSCF", mayHoldPages: true, description: "a CAB archive" },
  { at: 60, bytes: "BOOKMOBI", mayHoldPages: true, description: "a Kindle book (MOBI)", remedy: "convert it to CBZ" },
  { at: 0, bytes: "%PDF", mayHoldPages: true, description: "a PDF document", remedy: "export its pages as pictures" },
  { at: 0, bytes: "BM", isPicture: true, description: "a BMP picture", holds: isBitmap },
  { at: 0, bytes: "8BPS", isPicture: true, description: "a Photoshop document", remedy: EXPORT },
  { at: 0, bytes: "\xff\x0a", isPicture: true, description: "a JPEG XL picture" },
  { at: 4, bytes: "JXL ", isPicture: true, description: "a JPEG XL picture" },
  { at: 4, bytes: "jP  \r\n\x87\n", isPicture: true, description: "a JPEG 2000 picture" },
  { at: 0, bytes: "\xff\x4f\xff\x51", isPicture: true, description: "a JPEG 2000 picture" },
  { at: 0, bytes: "II\xbc", isPicture: true, description: "a JPEG XR picture" },
  { at: 0, bytes: "\0\0\x01\0", isPicture: true, description: "an icon (ICO)", holds: isIcon },
  { at: 0, bytes: "\x0a", isPicture: true, description: "a PCX picture", holds: isPcx },
  { at: 0, bytes: "\xd7\xcd\xc6\x9a", isPicture: true, description: "a Windows metafile (WMF)" },
  { at: 0, bytes: "\x01\0\x09\0\0\x03", isPicture: true, description: "a Windows metafile (WMF)" },
  { at: 40, bytes: " EMF", isPicture: true, description: "an enhanced metafile (EMF)" },
  { at: 0, bytes: "\x59\xa6\x6a\x95", isPicture: true, description: "a Sun raster picture" },
  { at: 0, bytes: "\x01\xda", isPicture: true, description: "an SGI picture", holds: isSgi },
  { at: 128, bytes: "DICM", isPicture: true, description: "a DICOM picture" },
  { at: 0, bytes: "qoif", isPicture: true, description: "a QOI picture" },
  { at: 0, bytes: "DDS ", isPicture: true, description: "a DDS picture" },
  { at: 0, bytes: "v/1\x01", isPicture: true, description: "an OpenEXR picture" },
  { at: 0, bytes: "#?RADIANCE", isPicture: true, description: "a Radiance picture" },
  { at: 0, bytes: "gimp xcf", isPicture: true, description: "a GIMP document", remedy: EXPORT },
  { at: 0, bytes: "CSFCHUNK", isPicture: true, description: "a Clip Studio Paint document", remedy: EXPORT },
  { at: 0, bytes: "AT&TFORM", isPicture: true, description: "a DjVu document", remedy: "export its pages as PNG" },
  { at: 0, bytes: "\x8aMNG", isPicture: true, description: "an MNG picture" },
  { at: 0, bytes: "\x8bJNG", isPicture: true, description: "a JNG picture" },
  { at: 0, bytes: "BPG\xfb", isPicture: true, description: "a BPG picture" },
  { at: 0, bytes: "FLIF", isPicture: true, description: "a FLIF picture" },
  { at: 0, bytes: "%!PS-Adobe", isPicture: true, description: "a PostScript drawing (EPS)", remedy: EXPORT },
  { at: 0, bytes: "\xc5\xd0\xd3\xc6", isPicture: true, description: "a PostScript drawing (EPS)", remedy: EXPORT },
  { at: 0, bytes: "farbfeld", isPicture: true, description: "a farbfeld picture" },
  { at: 0, bytes: "icns", isPicture: true, description: "an icon (ICNS)" },
  { at: 0, bytes: "\0\0\x02\0", isPicture: true, description: "a cursor (CUR)", holds: isCursor },
  { at: 0, bytes: "SDPX", isPicture: true, description: "a DPX picture" },
  { at: 0, bytes: "XPDS", isPicture: true, description: "a DPX picture" },
  { at: 0, bytes: "\x80\x2a\x5f\xd7", isPicture: true, description: "a Cineon picture" },
  { at: 8, bytes: "ILBM", isPicture: true, description: "an ILBM picture", holds: isIff },
  { at: 8, bytes: "PBM ", isPicture: true, description: "an ILBM picture", holds: isIff },
  { at: 8, bytes: "ACBM", isPicture: true, description: "an ILBM picture", holds: isIff },
  { at: 8, bytes: "RGB8", isPicture: true, description: "an ILBM picture", holds: isIff },
  { at: 8, bytes: "RGBN", isPicture: true, description: "an ILBM picture", holds: isIff },
  { at: 8, bytes: "CIMG", isPicture: true, description: "a Maya IFF picture", holds: isMayaIff },
  { at: 8, bytes: "ACON", isPicture: true, description: "an animated cursor (ANI)", holds: isRiff },
  { at: 8, bytes: "CDR", isPicture: true, description: "a CorelDRAW drawing", remedy: EXPORT, holds: isRiff },
  { at: 0, bytes: "id=ImageMagick", isPicture: true, description: "a MIFF picture" },
  { at: 0, bytes: "id=MagickCache", isPicture: true, description: "an MPC picture" },
  { at: 0, bytes: "\xb1h\xde:", isPicture: true, description: "a DCX picture" },
  { at: 0, bytes: "DanM", isPicture: true, description: "a Microsoft Paint picture (MSP)" },
  { at: 0, bytes: "LinS", isPicture: true, description: "a Microsoft Paint picture (MSP)" },
  { at: 0, bytes: "BLP1", isPicture: true, description: "a BLP texture" },
  { at: 0, bytes: "BLP2", isPicture: true, description: "a BLP texture" },
  { at: 0, bytes: "PVR\x03", isPicture: true, description: "a PVR texture" },
  { at: 0, bytes: "VTF\0", isPicture: true, description: "a VTF texture" },
  { at: 0, bytes: "\x13\xab\xa1\x5c", isPicture: true, description: "an ASTC texture" },
  { at: 0, bytes: "LBLSIZE=", isPicture: true, description: "a VICAR picture" },
  { at: 0, bytes: "PGF6", isPicture: true, description: "a PGF picture" },
  { at: 0, bytes: "Lerc2 ", isPicture: true, description: "a LERC picture" },
  { at: 0, bytes: "NRRD000", isPicture: true, description: "an NRRD picture" },
  { at: 0, bytes: "msid", isPicture: true, description: "a MrSID picture" },
  { at: 0, bytes: "\x53\x80\xf6\x34", isPicture: true, description: "a Softimage picture" },
  { at: 522, bytes: "\0\x11\x02\xff\x0c\0", isPicture: true, description: "a PICT picture" },
  { at: 2048, bytes: "PCD_IPI", isPicture: true, description: "a Photo CD picture" },
  { at: 0, bytes: "! XPM2", isPicture: true, description: "an XPM picture" },
  { at: 0, bytes: "Image type: ", isPicture: true, description: "an IM picture", holds: isIfunc },
  { at: 0, bytes: "\0\0\x80?", isPicture: true, description: "a SPIDER picture", holds: isSpider },
  { at: 0, bytes: "?\x80\0\0", isPicture: true, description: "a SPIDER picture", holds: isSpider },
  { at: 0, bytes: "/* XPM */", isPicture: true, description: "an XPM picture" },
  { at: 0, bytes: "#?RGBE", isPicture: true, description: "a Radiance picture" },
  { at: 0, bytes: "\xabKTX ", isPicture: true, description: "a KTX texture" },
  { at: 0, bytes: "SIMPLE", isPicture: true, description: "a FITS picture", holds: isFits },
  { at: 0, bytes: "SAI-CANVAS", isPicture: true, description: "a PaintTool SAI document", remedy: EXPORT },
  { at: 0, bytes: "mdipack\0", isPicture: true, description: "a FireAlpaca or MediBang document", remedy: EXPORT },
  { at: 0, bytes: "\0\xffKSA", isPicture: true, description: "an Affinity document", remedy: EXPORT },
  { at: 0, bytes: "PDN3", isPicture: true, description: "a Paint.NET document", remedy: EXPORT },
  { at: 0, bytes: "Paint Shop Pro Im", isPicture: true, description: "a Paint Shop Pro document", remedy: EXPORT },
  { at: 0, bytes: "\x97JB2\r\n\x1a\n", isPicture: true, description: "a JBIG2 picture" },
  { at: 4, bytes: "\x11\xaf", isPicture: true, description: "a FLIC animation", holds: isFlic },
  { at: 4, bytes: "\x12\xaf", isPicture: true, description: "a FLIC animation", holds: isFlic },
  {
    at: 4,
    bytes: "\xe0\xa5",
    isPicture: true,
    description: "an Aseprite document",
    remedy: EXPORT,
    holds: isAseprite,
  },
  { at: 0, bytes: "\x1f\x8b", description: "a gzip file" },
  { at: 0, bytes: "\xfd7zXZ\0", description: "an xz file" },
  { at: 0, bytes: "LZIP\x01", description: "an lzip file" },
  { at: 0, bytes: "\x1f\x9d", description: "a file packed by compress (.Z)" },
  { at: 0, bytes: "BZh", description: "a bzip2 file" },
  { at: 0, bytes: "\x28\xb5\x2f\xfd", description: "a Zstandard file" },
];
