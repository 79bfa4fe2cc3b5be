/** What a file of an input is, by its content: in folders and archives alike, no picture goes unseen. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { withRemedy } from "../../../src/errors/facts.js";
import { promisesPicture } from "../../../src/io/names/entry-rules.js";
import { sniffFormat } from "../../../src/io/image/headers/image-format.js";
import { SIGNATURES } from "../../../src/io/image/headers/signatures.js";
import { openPageSource } from "../../../src/io/open-source.js";
import type { PageSource } from "../../../src/io/page-source.js";
import { goodZip } from "../../support/archives.js";
import { gradient, temporaryFolder } from "./image/pictures.js";

const raw = { raw: { width: 48, height: 32, channels: 3 as const } };
const page = (format: "png" | "jpeg" | "webp" | "gif" | "tiff" | "avif"): Promise<Buffer> =>
  sharp(gradient(48, 32), raw).toFormat(format).toBuffer();

function bytes(
  length: number,
  ...fields: readonly (readonly [at: number, content: string | readonly number[]])[]
): Buffer {
  const file = Buffer.alloc(length);
  for (const [at, content] of fields)
    file.set(typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content), at);
  return file;
}

/** The warnings of a source as a terminal shows them. */
const toldBy = ({ warnings = [] }: PageSource): string[] =>
  warnings.map(({ message, remedy }) => withRemedy(message, remedy));

/** The first box of an ISO base media file of one brand. */
const box = (brand: string): Buffer => Buffer.from(`\0\0\0\x14ftyp${brand}\0\0\0\0${brand}`, "latin1");

/** The header of a SPIDER picture of 64 x 80 pixels, in float32 words. */
function spider(write: "writeFloatLE" | "writeFloatBE"): Buffer {
  const file = Buffer.alloc(1024);
  const words = { 1: 1, 2: 80, 3: 80, 5: 1, 12: 64, 13: 4, 22: 1024, 23: 256 };
  for (const [word, value] of Object.entries(words)) file[write](value, 4 * (Number(word) - 1));
  return file;
}

/** A TGA of 4 x 3 pixels, 24 bits deep. */
const TARGA = bytes(18 + 36, [2, [2]], [12, [4, 0, 3, 0, 24, 0x20]]);

/** Valid pictures of formats that are not read, as their first bytes are. */
const UNREAD: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
  bmp: [bytes(80, [0, "BM"], [14, [40]]), /BMP/u],
  jp2: [bytes(40, [3, [12]], [4, "jP  \r\n\x87\n"], [16, "ftypjp2 "]), /JPEG 2000/u],
  j2k: [bytes(40, [0, "\xff\x4f\xff\x51"]), /JPEG 2000/u],
  jxl: [bytes(40, [3, [12]], [4, "JXL \r\n\x87\n"]), /JPEG XL/u],
  jxlCodestream: [bytes(40, [0, "\xff\x0a"]), /JPEG XL/u],
  heic: [bytes(40, [3, [24]], [4, "ftypheic"]), /HEIC/u],
  psd: [bytes(40, [0, "8BPS\0\x01"]), /Photoshop/u],
  ico: [bytes(60, [2, [1, 0, 1, 0, 16, 16]], [18, [22]]), /icon/u],
  tga: [TARGA, /TGA/u],
  jxr: [bytes(40, [0, "II\xbc\x01"]), /JPEG XR/u],
  pbm: [Buffer.from("P4\n# drawn\n8 1\n\xff", "latin1"), /Netpbm/u],
  exr: [bytes(40, [0, "v/1\x01"]), /OpenEXR/u],
  svg: [Buffer.from('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'), /SVG/u],
  svgPrefixed: [Buffer.from('<?xml version="1.0"?>\n<ns0:svg xmlns:ns0="http://www.w3.org/2000/svg"/>'), /SVG/u],
  svgCommented: [Buffer.from("<!-- drawn by hand -->\n<svg width='9' height='9'/>"), /SVG/u],
  clip: [bytes(40, [0, "CSFCHUNK"]), /Clip Studio/u],
  dds: [bytes(140, [0, "DDS "]), /DDS/u],
  pcx: [bytes(130, [0, [0x0a, 5, 1, 8]]), /PCX/u],
  crw: [bytes(40, [0, "II\x1a\0\0\0HEAPCCDR"]), /raw picture/u],
  raf: [bytes(40, [0, "FUJIFILMCCD-RAW 0201"]), /raw picture/u],
  rw2: [bytes(40, [0, "IIU\0"]), /raw picture/u],
  orf: [bytes(40, [0, "IIRO"]), /raw picture/u],
  x3f: [bytes(40, [0, "FOVb"]), /raw picture/u],
  mrw: [bytes(40, [0, "\0MRM"]), /raw picture/u],
  flc: [bytes(128, [4, [0x12, 0xaf, 1, 0, 128, 0, 128, 0, 8]]), /FLIC/u],
  jbig2: [bytes(40, [0, "\x97JB2\r\n\x1a\n"]), /JBIG2/u],
  affinity: [bytes(40, [0, "\0\xffKSA"]), /Affinity/u],
  paintNet: [bytes(40, [0, "PDN3"]), /Paint\.NET/u],
  paintShop: [bytes(40, [0, "Paint Shop Pro Image File\n"]), /Paint Shop Pro/u],
  wmfPlain: [bytes(40, [0, [1, 0, 9, 0, 0, 3]]), /WMF/u],
  wmf: [bytes(40, [0, [0xd7, 0xcd, 0xc6, 0x9a]]), /WMF/u],
  emf: [bytes(90, [0, [1]], [40, " EMF"]), /EMF/u],
  sun: [bytes(40, [0, [0x59, 0xa6, 0x6a, 0x95]]), /Sun raster/u],
  sgi: [bytes(520, [0, [1, 0xda, 1, 1]]), /SGI/u],
  dicom: [bytes(140, [128, "DICM"]), /DICOM/u],
  jls: [bytes(40, [0, "\xff\xd8\xff\xf7"]), /JPEG-LS/u],
  eps: [Buffer.from("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), /EPS/u],
  epsBinary: [bytes(40, [0, "\xc5\xd0\xd3\xc6"]), /EPS/u],
  farbfeld: [bytes(40, [0, "farbfeld"]), /farbfeld/u],
  icns: [bytes(40, [0, "icns"]), /ICNS/u],
  cursor: [bytes(60, [2, [2, 0, 1, 0, 16, 16]], [18, [22]]), /CUR/u],
  dpx: [bytes(40, [0, "SDPX"]), /DPX/u],
  dpxSwapped: [bytes(40, [0, "XPDS"]), /DPX/u],
  cineon: [bytes(40, [0, "\x80\x2a\x5f\xd7"]), /Cineon/u],
  ilbm: [bytes(40, [0, "FORM"], [8, "ILBMBMHD"]), /ILBM/u],
  pam: [Buffer.from("P7\n# drawn\nWIDTH 1\nHEIGHT 1\n"), /Netpbm/u],
  pfm: [Buffer.from("PF\n10 10\n-1.0\n"), /Netpbm/u],
  xpm: [Buffer.from("/* XPM */\nstatic char *p[] = {"), /XPM/u],
  im: [Buffer.from("Image type: Greyscale image\r\nName: 001.im\r\nImage size (x*y): 64*80\r\n"), /an IM picture/u],
  spider: [spider("writeFloatLE"), /SPIDER/u],
  heifSequence: [box("msf1"), /HEIC/u],
  heifJpeg: [box("jpeg"), /HEIC/u],
  heifAvc: [box("avci"), /HEIC/u],
  miaf: [box("miaf"), /HEIC/u],
  ani: [Buffer.from("RIFF\x24\0\0\0ACONanih", "latin1"), /animated cursor/u],
  cdr: [Buffer.from("RIFF\x24\0\0\0CDRAvrsn", "latin1"), /CorelDRAW/u],
  acbm: [Buffer.from("FORM\0\0\0\x10ACBMBMHD", "latin1"), /ILBM/u],
  mayaIff: [Buffer.from("FOR4\0\0\0\x10CIMGFOR4", "latin1"), /Maya/u],
  miff: [Buffer.from("id=ImageMagick  version=1.0\n"), /MIFF/u],
  dcx: [Buffer.from([0xb1, 0x68, 0xde, 0x3a, 9, 0, 0, 0]), /DCX/u],
  msp: [Buffer.from("DanM\x40\0\x30\0", "latin1"), /MSP/u],
  blp: [Buffer.from("BLP2\x01\0\0\0", "latin1"), /BLP/u],
  vicar: [Buffer.from("LBLSIZE=2053 FORMAT='BYTE'"), /VICAR/u],
  softimage: [Buffer.from([0x53, 0x80, 0xf6, 0x34, 0, 0]), /Softimage/u],
  pict: [Buffer.concat([Buffer.alloc(522), Buffer.from("\0\x11\x02\xff\x0c\0", "latin1")]), /PICT/u],
  photoCd: [Buffer.concat([Buffer.alloc(2048), Buffer.from("PCD_IPI")]), /Photo CD/u],
  pgmCommentAtOnce: [Buffer.from("P5\n# drawn\n8 8# by hand\n255\n", "latin1"), /Netpbm/u],
  pgmOldLines: [Buffer.from("P5\r# drawn\r8 8\r255\r", "latin1"), /Netpbm/u],
  pamComment: [Buffer.from("P7\n# by hand\n\nHEIGHT 4\nWIDTH 4\nDEPTH 3\nMAXVAL 255\nENDHDR\n"), /PAM/u],
  phm: [Buffer.from("PH\n4 4\n-1.0\n"), /PFM/u],
  xpmBare: [Buffer.from('static const char *page[] = {\n"64 48 2 1",'), /XPM/u],
  xpm2: [Buffer.from("! XPM2\n64 48 2 1\n"), /XPM/u],
  spiderBig: [spider("writeFloatBE"), /SPIDER/u],
  xbm: [Buffer.from("/* page */\n#define p_width 16\n#define p_height 16\n"), /XBM/u],
  rgbe: [Buffer.from("#?RGBE\n"), /Radiance/u],
  fits: [Buffer.from("SIMPLE  =                    T"), /FITS/u],
  svg16: [Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("<svg/>", "utf16le")]), /SVG/u],
  "d.svgz": [bytes(40, [0, "\x1f\x8b\x08"]), /SVG/u],
  "d.pict": [bytes(600, [522, "\0\x11\x02\xff"]), /PICT/u],
  "d.procreate": [bytes(40, [0, "PK\x03\x04"]), /Procreate/u],
  sai2: [bytes(40, [0, "SAI-CANVAS-TYPE0"]), /SAI/u],
  mdp: [bytes(40, [0, "mdipack\0"]), /FireAlpaca/u],
  aseprite: [bytes(130, [4, [0xe0, 0xa5]], [8, [9, 0, 9, 0, 32]]), /Aseprite/u],
};

/** What is no picture, though it nearly looks like one. */
const OTHERS: Readonly<Record<string, Buffer>> = {
  "ComicInfo.xml": Buffer.from("<?xml version='1.0'?><ComicInfo/>"),
  "BMW cars.txt": Buffer.from("BM is how this text begins, and it goes on"),
  "cursor.bin": bytes(60, [2, [2]]),
  "floats.dat": bytes(1024, [0, "\0\0\x80?\0\0\xa0B"], [16, "\0\0\x80?"]),
  "list.txt": Buffer.from("Image type: what the printer asks for\nand what we have\n"),
  "notes.txt": Buffer.from("P5 is a postcode"),
  "blank lines.txt": Buffer.from("\n\n\nThe story so far"),
  "drawing.xml": Buffer.from('<?xml version="1.0"?><page><!-- no svg --></page>'),
  "film.mp4": bytes(60, [3, [24]], [4, "ftypisom"]),
  "book.pdf": Buffer.from("%PDF-1.7"),
  empty: Buffer.alloc(0),
  "random.bin": Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)),
};

async function both(files: Readonly<Record<string, Buffer>>): Promise<[string, PageSource][]> {
  const folder = await temporaryFolder();
  const path = join(folder, "folder");
  await mkdir(path);
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  const sources: [string, PageSource][] = [["folder", await openPageSource(path)]];
  const nested = await goodZip({ "1.png": await page("png"), "in.cbz": await goodZip(files) });
  for (const [form, content] of [
    ["stored", await goodZip(files, { compress: false })],
    ["packed", await goodZip(files, { compress: true })],
    ["nested", nested],
  ] as const) {
    await writeFile(join(folder, `${form}.cbz`), content);
    sources.push([form, await openPageSource(join(folder, `${form}.cbz`))]);
  }
  return sources;
}

const bare = (name: string): string => name.replace(/^in\//u, "");

describe("the content of a file", () => {
  it("makes it a page whatever its name, with the format for its result's name", async () => {
    const files = {
      "002": await page("jpeg"),
      "0.image.png257861582": await page("png"),
      "1.image.png?w=800": await page("webp"),
      "page.txt": await page("png"),
      "Vol. 3": await page("tiff"),
      ".01": await page("avif"),
      moving: await page("gif"),
      "named.jpg": await page("png"),
    };
    for (const [form, source] of await both(files)) {
      const found = source.entries().filter(({ name }) => form !== "nested" || name.startsWith("in/"));
      expect([form, new Map(found.map(({ name, kind, format }) => [bare(name), [kind, format]]))]).toEqual([
        form,
        new Map(
          Object.entries(files).map(([name, content]) => [name, ["image", sniffFormat(content).format]] as const),
        ),
      ]);
      expect([form, source.faults]).toEqual([form, []]);
      await source.close();
    }
  });

  it("makes an archive or document that is not opened a warning, since pages in it are not coloured", async () => {
    const files = {
      "1.png": await page("png"),
      "ch2.cbr": Buffer.from("Rar!\x1a\x07\x01\0", "latin1"),
      "ch3.pdf": Buffer.from("%PDF-1.7"),
      "ch4.lzh": bytes(40, [2, "-lh5-"]),
      "notes.txt": Buffer.from("notes"),
    };
    for (const [form, source] of await both(files)) {
      expect([form, toldBy(source).map((warning) => warning.replace(/ is copied as it is.*it is/u, ":"))]).toEqual([
        form,
        [
          "ch2.cbr: a RAR archive (CBR); unpack it or convert it to CBZ",
          "ch3.pdf: a PDF document; export its pages as pictures",
          "ch4.lzh: an LHA archive; unpack it",
        ].map((warning) => (form === "nested" ? `in/${warning}` : warning)),
      ]);
      await source.close();
    }
    const folder = await temporaryFolder();
    await writeFile(join(folder, "1.png"), files["1.png"]);
    await writeFile(join(folder, "ch2.cbz"), await goodZip({ "1.png": files["1.png"] }));
    expect(toldBy(await openPageSource(folder))).toEqual([
      "ch2.cbz is copied as it is, pages in it are not coloured: it is a ZIP archive; give it as an input of its own",
    ]);
  });

  it("makes a ZIP archive a warning whatever its name, and a book", async () => {
    const zip = await goodZip({ "1.png": await page("png") });
    const book = await goodZip(
      { mimetype: Buffer.from("application/epub+zip"), "1.png": await page("png") },
      { compress: false },
    );
    const folder = await temporaryFolder();
    for (const [name, content] of Object.entries({
      "1.png": await page("png"),
      ch2: zip,
      "ch3.cbz?w=8": zip,
      "book.epub": book,
    }))
      await writeFile(join(folder, name), content);
    expect(toldBy(await openPageSource(folder)).map((warning) => warning.replace(/ is copied .*it is/u, ":"))).toEqual([
      "book.epub: an EPUB book; give it as an input of its own",
      "ch2: a ZIP archive; give it as an input of its own",
      "ch3.cbz?w=8: a ZIP archive; give it as an input of its own",
    ]);
    const read = await openPageSource(join(folder, "book.epub"));
    expect(read.entries().map(({ name }) => name)).toEqual(["1.png", "mimetype"]);
    await read.close();
  });

  it("makes a file that only its name calls a picture a warning, since it may be one", async () => {
    const files = { "1.png": await page("png"), "2.tga": bytes(40, [3, "nothing"]), "3.svg": Buffer.from("a text") };
    for (const [form, source] of await both(files)) {
      const prefix = form === "nested" ? "in/" : "";
      expect([form, toldBy(source)]).toEqual([
        form,
        [
          `${prefix}2.tga is copied as it is, not coloured: its name promises a picture, but it is no known picture format`,
          `${prefix}3.svg is copied as it is, not coloured: its name promises a picture, but it is plain text`,
        ],
      ]);
      await source.close();
    }
  });

  it("takes a name for a picture's though downloads, editors and copies have put something behind it", () => {
    const promised = [
      "1.jpg?w=800",
      "a/2.png.part",
      "3.JPEG~",
      "4.webp!600",
      "5.png17",
      "6.tif.bak",
      "7.gif ",
      "8.jpg:large",
    ];
    const notes = ["1.png.json", "1.png.txt", "png", "a.png/notes", "jpg notes", "1.jpgs.db", "p1.pngx"];
    expect(promised.filter((name) => !promisesPicture(name))).toEqual([]);
    expect(notes.filter((name) => promisesPicture(name))).toEqual([]);
  });

  it("makes a picture that is not read a fault with its name, its kind and what to do", async () => {
    const files = Object.fromEntries(Object.entries(UNREAD).map(([name, [content]]) => [`page-${name}`, content]));
    for (const [form, source] of await both({ ...files, "good.png": await page("png") })) {
      expect([
        form,
        source
          .entries()
          .map(({ name }) => bare(name))
          .filter((name) => name !== "1.png"),
      ]).toEqual([form, ["good.png"]]);
      expect([form, source.faults.map(({ name }) => bare(name)).toSorted()]).toEqual([
        form,
        Object.keys(files).toSorted(),
      ]);
      for (const { name, error, file } of source.faults) {
        const [content, kind] = UNREAD[bare(name).slice("page-".length)]!;
        expect(file).toMatchObject({ name, kind: "other", sizeBytes: content.byteLength });
        expect(content.equals(await file!.read())).toBe(true);
        expect(error).toMatchObject({ code: "ERR_IMAGE_UNSUPPORTED", message: expect.stringMatching(kind) });
        expect(error.message).toContain(name);
        expect(error.remedy).toMatch(/^(?:save|export) it/u);
      }
      await source.close();
    }
  });

  it("makes what only looks like a picture a file that is carried", async () => {
    for (const [form, source] of await both({ ...OTHERS, "good.png": await page("png") })) {
      expect([form, source.faults]).toEqual([form, []]);
      const others = source.entries().filter(({ kind }) => kind === "other");
      expect([form, others.map(({ name }) => bare(name)).toSorted()]).toEqual([form, Object.keys(OTHERS).toSorted()]);
      await source.close();
    }
  });

  it("leaves a file that its name calls a picture a page, which says when it is decoded what it is", async () => {
    for (const [form, source] of await both({ "1.png": Buffer.from("a text"), "2.jpg": UNREAD["bmp"]![0] })) {
      expect([
        form,
        source
          .entries()
          .map(({ name }) => bare(name))
          .filter((name) => name !== "in.cbz").length,
      ]).toEqual([form, form === "nested" ? 3 : 2]);
      expect(source.entries().every(({ kind }) => kind === "image")).toBe(true);
      await source.close();
    }
  });

  it("describes formats without advice, which is the remedy", () => {
    expect(SIGNATURES.map(({ description }) => description).filter((text) => text.includes(";"))).toEqual([]);
    expect(sniffFormat(Buffer.from("Rar!"))).toMatchObject({ remedy: "unpack it or convert it to CBZ" });
    expect(sniffFormat(Buffer.from("\x1f\x8b", "latin1"))).toMatchObject({ remedy: "unpack it" });
    expect(sniffFormat(Buffer.from("qoif"))).toMatchObject({ remedy: "save it as PNG" });
    expect(sniffFormat(Buffer.from("GIF8"))).toMatchObject({ remedy: undefined });
  });

  it("is told at once for text that begins like a picture and goes on and on", () => {
    const starts = [
      "P1",
      "P3 1",
      "P7\n",
      "Pf ",
      "<",
      "<?xml ",
      "<!--",
      "/*",
      "#define a",
      "static char *",
      "Image type: ",
    ];
    const pieces = [" ", "\n", "#\n", " #\n", "1 ", "\t1", "-->", "<", "*/ ", "a", "a:", "_width 1 "];
    for (const start of starts)
      for (const piece of pieces) {
        const text = Buffer.from(`${start}${piece.repeat(4096 / piece.length)}x`);
        expect(sniffFormat(text, { name: "notes.txt", sizeBytes: text.byteLength }).format).toBeUndefined();
      }
    for (const piece of [".png", ".png ", ".png.1", ".jpg?", "1", " ", ". "])
      expect(promisesPicture(`${piece.repeat(2048 / piece.length)}/`)).toBe(false);
  });

  it("takes a TGA by its size or its extension, and raw pictures of cameras by theirs", () => {
    expect(sniffFormat(TARGA, { sizeBytes: TARGA.byteLength }).isPicture).toBe(true);
    expect(sniffFormat(TARGA, { sizeBytes: 100_000 }).isPicture).toBe(false);
    expect(sniffFormat(TARGA, { sizeBytes: 100_000, name: "a.TGA" }).isPicture).toBe(true);
    const packed = (type: number, row: string): Buffer => {
      const header = Buffer.from([0, 0, type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 90, 0, 8, 32]);
      return Buffer.concat([header, Buffer.from(row.repeat(90), "hex")]);
    };
    const row = "ff00c7ff"; // 128 and 72 pixels
    for (const [what, file, isPicture] of [
      ["rows of runs", packed(11, row), true],
      ["runs that end in no row", packed(11, "ff00c6ff"), false],
      ["longer than its runs can be", Buffer.concat([packed(11, row), Buffer.alloc(60_000)]), false],
    ] as const)
      expect([what, sniffFormat(file, { sizeBytes: file.byteLength }).isPicture]).toEqual([what, isPicture]);
    const tiff = Buffer.from("II*\0\x08\0\0\0", "latin1");
    expect(sniffFormat(tiff, { name: "scan.tif" }).format).toBe("tiff");
    expect(sniffFormat(tiff, { name: "photo.NEF" })).toMatchObject({ format: undefined, isPicture: true });
  });
});
