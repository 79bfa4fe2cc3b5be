// What happens to a page between the artist and the input, as labelled pictures: a coloured page faded, yellowed,
// saved as JPEG, in gray, as an extraction of its lines. Everything follows from the seed.
import sharp from "sharp";
import { inOneInk, jpeg, onPaper, png, randomSource, raw, YELLOW } from "./scenes.mjs";

const LONGEST_SIDE = 900;
const INKS = [
  [90, 50, 20],
  [30, 50, 140],
  [150, 30, 50],
  [20, 90, 70],
];

const pick = (random, list) => list[Math.floor(random() * list.length)];

/** A file's pixels on white, RGB of 8 bits, shrunk to at most 900 pixels a side. */
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

const mapped = (picture, change) => {
  const data = new Uint8ClampedArray(picture.data.length);
  for (let i = 0; i < data.length; i += 3) data.set(change(...picture.data.subarray(i, i + 3)), i);
  return { ...picture, data: new Uint8Array(data.buffer) };
};
const luma = (r, g, b) => 0.299 * r + 0.587 * g + 0.114 * b;
const saturated = (picture, share) =>
  mapped(picture, (r, g, b) => {
    const gray = luma(r, g, b);
    return [gray + (r - gray) * share, gray + (g - gray) * share, gray + (b - gray) * share];
  });
const grayed = (picture) => saturated(picture, 0);
const copy = (picture) => ({ ...picture, data: picture.data.slice() });
const noisy = (picture, random, size) =>
  mapped(picture, (...values) => values.map((value) => value + (random() + random() - 1) * size));

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
  for (const share of FADES) {
    yield { kind: `colour, ${share * 100} % saturation`, type: "colored", bytes: await png(saturated(picture, share)) };
    yield {
      kind: `colour, ${share * 100} % saturation, JPEG`,
      type: "colored",
      bytes: await jpeg(noisy(saturated(picture, share), random, 6), 60 + Math.round(30 * random())),
    };
  }
  yield {
    kind: "colour on yellowed paper",
    type: "colored",
    bytes: await jpeg(onPaper(copy(picture), random, paper()), 85),
  };
  yield {
    kind: "faded colour on stained paper",
    type: "colored",
    bytes: await jpeg(onPaper(saturated(picture, 0.4), random, paper(), 4), 85),
  };
  yield {
    kind: "colour, 16 colours",
    type: "colored",
    bytes: await raw(picture).png({ palette: true, colours: 16 }).toBuffer(),
  };
  yield* lineVariants(grayed(picture), random, "gray");
  yield* lineVariants(await lines(picture), random, "lines");
}

/** Variants of a page without colour. */
export async function* lineVariants(picture, random, what) {
  const paper = () => pick(random, YELLOW);
  const line = (kind, bytes) => ({ kind: `${what}${kind}`, type: "line_art", bytes });
  yield line("", await png(picture));
  yield line(", JPEG of a scan", await jpeg(noisy(picture, random, 14), 50 + Math.round(40 * random())));
  yield line(" on yellowed paper", await jpeg(onPaper(copy(picture), random, paper()), 80));
  for (const stains of [2, 4, 8])
    yield line(` on paper with ${stains} stains`, await jpeg(onPaper(copy(picture), random, paper(), stains), 80));
  yield line(" in one ink", await jpeg(inOneInk(copy(picture), pick(random, INKS)), 88));
  yield line(
    " in one ink on yellowed paper",
    await jpeg(onPaper(inOneInk(copy(picture), pick(random, INKS)), random, paper(), 2), 85),
  );
}
