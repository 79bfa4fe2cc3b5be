// Makes labelled variants of pages, as they are on their way from the artist to the input: a coloured page faded,
// yellowed, saved as JPEG, in gray, as an extraction of its lines. Everything follows from the seed.
import sharp from "sharp";
import { inOneInk, jpeg, onPaper, png, randomSource, raw, YELLOW } from "./scenes.mjs";

const LONGEST_SIDE = 560;
const INKS = [
  [90, 50, 20],
  [30, 50, 140],
  [150, 30, 50],
  [20, 90, 70],
];

const pick = (random, list) => list[Math.floor(random() * list.length)];

/** A file's pixels on white, RGB of 8 bits, shrunk to at most 560 pixels a side. */
export async function pagePixels(path) {
  const { data, info } = await sharp(path)
    .flatten({ background: "#fff" })
    .toColourspace("srgb")
    .removeAlpha()
    .resize(LONGEST_SIDE, LONGEST_SIDE, { fit: "inside", withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height };
}

/**
 * Each sample moved towards its pixel's gray (`share` 0) or left (1), with noise of up to `noise` levels either way.
 */
function faded(picture, share, random = undefined, noise = 0) {
  const data = new Uint8ClampedArray(picture.data.length);
  for (let i = 0; i < data.length; i += 3) {
    const gray = 0.299 * picture.data[i] + 0.587 * picture.data[i + 1] + 0.114 * picture.data[i + 2];
    for (let c = i; c < i + 3; c++)
      data[c] = gray + (picture.data[c] - gray) * share + (noise > 0 ? (random() + random() - 1) * noise : 0);
  }
  return { ...picture, data: new Uint8Array(data.buffer) };
}
const grayed = (picture) => faded(picture, 0);
const copy = (picture) => ({ ...picture, data: picture.data.slice() });
/** Black lines on white: where a page is darker than its surroundings. */
async function lines(picture) {
  const gray = await raw(picture).toColourspace("b-w").raw().toBuffer();
  const { width, height } = picture;
  const soft = await sharp(gray, { raw: { width, height, channels: 1 } })
    .blur(4)
    .toColourspace("b-w")
    .raw()
    .toBuffer();
  const data = new Uint8ClampedArray(width * height * 3);
  for (let i = 0; i < gray.length; i++) data.fill(255 + 3 * Math.min(0, gray[i] - soft[i] + 4), 3 * i, 3 * i + 3);
  return { width, height, data: new Uint8Array(data.buffer) };
}

const FADES = [1, 0.6, 0.4, 0.3, 0.25, 0.2, 0.15];

/** Variants of a page in colour: kind, label, and the file's bytes. */
export async function* colouredVariants(picture, seed) {
  const random = randomSource(seed);
  const paper = () => pick(random, YELLOW);
  for (const [i, share] of FADES.entries()) {
    const isJpeg = (i + seed) % 2 === 0;
    const bytes = isJpeg
      ? await jpeg(faded(picture, share, random, 6), 60 + Math.round(30 * random()))
      : await png(faded(picture, share));
    yield { kind: `colour, ${share * 100} % of its saturation`, type: "colored", bytes };
  }
  const yellowed = await jpeg(onPaper(copy(picture), random, paper()), 85);
  yield { kind: "colour on yellowed paper", type: "colored", bytes: yellowed };
  const stained = await jpeg(onPaper(faded(picture, 0.4), random, paper(), 4), 85);
  yield { kind: "faded colour on stained paper", type: "colored", bytes: stained };
  const palette = await raw(picture).png({ palette: true, colours: 16 }).toBuffer();
  yield { kind: "colour, 16 colours", type: "colored", bytes: palette };
  yield* lineVariants(grayed(picture), random, "gray");
  yield* lineVariants(await lines(picture), random, "lines");
}

/** Variants of a page without colour. */
export async function* lineVariants(picture, random, what) {
  const paper = () => pick(random, YELLOW);
  const line = (kind, bytes) => ({ kind: `${what}${kind}`, type: "line_art", bytes });
  yield line(", JPEG of a scan", await jpeg(faded(picture, 1, random, 14), 50 + Math.round(40 * random())));
  yield line(" on yellowed paper", await jpeg(onPaper(copy(picture), random, paper()), 80));
  for (const stains of [3, 8])
    yield line(` on paper with ${stains} stains`, await jpeg(onPaper(copy(picture), random, paper(), stains), 80));
  const printed = onPaper(inOneInk(copy(picture), pick(random, INKS)), random, paper(), 2);
  yield line(" in one ink on stained paper", await jpeg(printed, 85));
}
