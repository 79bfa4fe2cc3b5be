// Draws labelled pictures for the classifier: comic pages by chance, in line art and in colour, and what scanners,
// printers and encoders do to them. Everything follows from the seed. Used by the fit (`fit.mjs`), and by the tests
// with other seeds.
import sharp from "sharp";

/** Numbers in [0, 1), the same for the same seed. */
export function randomSource(seed) {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

const pick = (random, list) => list[Math.floor(random() * list.length)];
const between = (random, low, high) => low + random() * (high - low);

/** Fills by kind of colouring; "none" is line art. `share`: of the things, how many have colour. */
const COLOURINGS = {
  none: { share: 0, saturation: [0, 0], light: [100, 100] },
  full: { share: 1, saturation: [35, 95], light: [35, 80] },
  pale: { share: 0.8, saturation: [20, 70], light: [84, 94] },
  muted: { share: 0.9, saturation: [8, 28], light: [40, 80] },
  few: { share: 0.12, saturation: [60, 95], light: [40, 65] },
  night: { share: 1, saturation: [40, 80], light: [15, 40], hues: [210, 260] },
};

/** A page as SVG: panels with figures, balloons with text, hatching, screentone. */
export function drawScene(seed, colouring) {
  const random = randomSource(seed);
  const { share, saturation, light, hues } = COLOURINGS[colouring];
  const [width, height] = pick(random, [
    [420, 600],
    [480, 680],
    [600, 420],
    [400, 1000],
    [512, 512],
  ]);
  const ink = between(random, 1, 3.5);
  const palette = Array.from({ length: 7 }, () => (hues ? between(random, ...hues) : between(random, 0, 360)));
  const colour = () =>
    `hsl(${(hues ? pick(random, palette) + between(random, -8, 8) : pick(random, palette)).toFixed(0)},${between(random, ...saturation).toFixed(0)}%,${between(random, ...light).toFixed(0)}%)`;
  const shades = random() < 0.35;
  let asked = 0;
  // The fifth thing of a coloured page has colour at least.
  const fill = () =>
    random() < share || (share > 0 && ++asked === 5)
      ? colour()
      : shades && random() < 0.4
        ? `hsl(0,0%,${between(random, 35, 90).toFixed(0)}%)`
        : "white";
  const at = (low, high) => between(random, low, high).toFixed(1);
  const figure = (w, h) => {
    const [x, y, r] = [
      between(random, 0.15, 0.85) * w,
      between(random, 0.3, 0.8) * h,
      between(random, 0.08, 0.25) * Math.min(w, h),
    ];
    const body = `<path d="M${x - r} ${y + r} Q${x} ${y + r * 0.4} ${x + r} ${y + r} L${x + r * 1.3} ${h} L${x - r * 1.3} ${h} Z" fill="${fill()}"/>`;
    const hair = `<path d="M${x - r} ${y} Q${x} ${y - r * 2.4} ${x + r} ${y} Q${x} ${y - r} ${x - r} ${y} Z" fill="${random() < 0.3 ? "black" : fill()}"/>`;
    return `${body}<circle cx="${x}" cy="${y}" r="${r}" fill="${fill()}"/>${hair}<circle cx="${x - r / 3}" cy="${y}" r="${r / 8}" fill="black"/><circle cx="${x + r / 3}" cy="${y}" r="${r / 8}" fill="black"/><path d="M${x - r / 3} ${y + r / 2} q${r / 3} ${r / 4} ${(r * 2) / 3} 0" fill="none"/>`;
  };
  const hatching = (w, h) =>
    Array.from(
      { length: Math.floor(between(random, 5, 60)) },
      () => `<path d="M${at(0, w)} ${at(0, h)} l${at(8, 30)} ${at(-30, -8)}" stroke-width="${(ink / 2).toFixed(1)}"/>`,
    ).join("");
  const balloon = (w, h) => {
    const [x, y, rx, ry] = [
      between(random, 0.2, 0.8) * w,
      between(random, 0.12, 0.3) * h,
      between(random, 0.12, 0.25) * w,
      between(random, 0.06, 0.12) * h,
    ];
    const words = Array.from(
      { length: 8 },
      (_, i) =>
        `<path d="M${x - rx * 0.6 + (i % 4) * rx * 0.3} ${y - ry * 0.3 + Math.floor(i / 4) * ry * 0.5} h${at(3, rx * 0.2)} m2 -3 v6" stroke-width="${ink.toFixed(1)}"/>`,
    ).join("");
    return `<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="white"/>${words}`;
  };
  const tone =
    random() < 0.3
      ? `<pattern id="t" width="4" height="4" patternUnits="userSpaceOnUse"><circle cx="2" cy="2" r="${at(0.7, 1.5)}" fill="black" stroke="none"/></pattern>`
      : "";
  const rows = 1 + Math.floor(random() * 4);
  let panels = "";
  for (let row = 0; row < rows; row++) {
    const columns = 1 + Math.floor(random() * 3);
    for (let column = 0; column < columns; column++) {
      const [w, h] = [(width - 20) / columns - 8, (height - 20) / rows - 8];
      const inside = `<rect width="${w}" height="${h}" fill="${tone && random() < 0.3 ? "url(#t)" : fill()}"/>${random() < 0.6 ? `<path d="M0 ${h * 0.7} Q${w / 2} ${h * at(0.5, 0.7)} ${w} ${h * 0.7} V${h} H0 Z" fill="${fill()}"/>` : ""}${Array.from({ length: 1 + Math.floor(random() * 3) }, () => figure(w, h)).join("")}${random() < 0.5 ? hatching(w, h) : ""}${random() < 0.7 ? balloon(w, h) : ""}`;
      panels += `<svg x="${14 + column * (w + 8)}" y="${14 + row * (h + 8)}" width="${w}" height="${h}">${inside}<rect width="${w}" height="${h}" fill="none" stroke-width="${ink * 2}"/></svg>`;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs>${tone}</defs><rect width="100%" height="100%" fill="white"/><g stroke="black" stroke-width="${ink.toFixed(1)}" stroke-linejoin="round">${panels}</g></svg>`;
}

async function pixels(svg) {
  const { data, info } = await sharp(Buffer.from(svg))
    .flatten({ background: "#fff" })
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height };
}

function each(picture, change) {
  for (let i = 0; i < picture.data.length; i += 3) {
    const [r, g, b] = change(picture.data[i], picture.data[i + 1], picture.data[i + 2], i / 3);
    picture.data[i] = Math.max(0, Math.min(255, r));
    picture.data[i + 1] = Math.max(0, Math.min(255, g));
    picture.data[i + 2] = Math.max(0, Math.min(255, b));
  }
  return picture;
}

/** Paper of a colour, with stains where asked. */
export function onPaper(picture, random, [r, g, b], stains = 0) {
  const spots = Array.from({ length: stains }, () => [
    random() * picture.width,
    random() * picture.height,
    between(random, 30, 160),
    between(random, 0.03, 0.12),
  ]);
  return each(picture, (pr, pg, pb, i) => {
    let dim = 1;
    for (const [x, y, size, depth] of spots)
      dim -= depth * Math.exp(-(((i % picture.width) - x) ** 2 + (Math.floor(i / picture.width) - y) ** 2) / size ** 2);
    const noise = (random() - 0.5) * 6;
    return [(pr * r) / 255 + noise, ((pg * g) / 255) * (1 - (1 - dim) * 0.5) + noise, ((pb * b) / 255) * dim + noise];
  });
}

/** Black becomes `ink`, white stays: prints in one colour. */
export function inOneInk(picture, ink) {
  return each(picture, (...values) => values.slice(0, 3).map((value, c) => ink[c] + ((255 - ink[c]) * value) / 255));
}

function stamp(picture, random) {
  const [x0, y0, side] = [random() * picture.width * 0.8, random() * picture.height * 0.8, 0.05 * picture.width];
  return each(picture, (r, g, b, i) => {
    const [x, y] = [i % picture.width, Math.floor(i / picture.width)];
    return x > x0 && x < x0 + side && y > y0 && y < y0 + side && (x + y) % 3 ? [200, 30, 40] : [r, g, b];
  });
}

export const raw = (picture) =>
  sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 3 } });
export const png = (picture) => raw(picture).png().toBuffer();
export const jpeg = (picture, quality, options = {}) =>
  raw(picture)
    .jpeg({ quality, ...options })
    .toBuffer();
export const YELLOW = [
  [246, 232, 196],
  [238, 214, 160],
  [250, 240, 215],
  [226, 196, 140],
  [244, 228, 208],
  [232, 224, 206],
];

/** Kinds of pictures: label, colouring, and what is done to the drawing. */
export const KINDS = {
  "clean line art": { type: "line_art", colouring: "none", make: png },
  "gray line art": { type: "line_art", colouring: "none", make: (p) => raw(p).toColourspace("b-w").png().toBuffer() },
  "line art, JPEG": {
    type: "line_art",
    colouring: "none",
    make: (p, random) => jpeg(p, Math.round(between(random, 30, 90))),
  },
  "yellowed paper": {
    type: "line_art",
    colouring: "none",
    make: (p, random) => jpeg(onPaper(p, random, pick(random, YELLOW)), 85),
  },
  "stained paper": {
    type: "line_art",
    colouring: "none",
    make: (p, random) => jpeg(onPaper(p, random, pick(random, YELLOW), 4), 80),
  },
  "yellowed paper, palette": {
    type: "line_art",
    colouring: "none",
    make: (p, random) =>
      raw(onPaper(p, random, pick(random, YELLOW)))
        .png({ palette: true, colours: 32 })
        .toBuffer(),
  },
  "one ink: sepia, blue, red": {
    type: "line_art",
    colouring: "none",
    make: (p, random) =>
      jpeg(
        inOneInk(
          p,
          pick(random, [
            [90, 50, 20],
            [30, 50, 140],
            [150, 30, 50],
            [20, 90, 70],
          ]),
        ),
        90,
      ),
  },
  "line art with a red stamp": { type: "line_art", colouring: "none", make: (p, random) => jpeg(stamp(p, random), 88) },
  "gray photo tones": {
    type: "line_art",
    colouring: "full",
    make: (p) =>
      raw(each(p, (r, g, b) => Array(3).fill(0.3 * r + 0.59 * g + 0.11 * b)))
        .jpeg({ quality: 80 })
        .toBuffer(),
  },
  "full colour": { type: "colored", colouring: "full", make: png },
  "full colour, JPEG": {
    type: "colored",
    colouring: "full",
    make: (p, random) => jpeg(p, Math.round(between(random, 25, 90))),
  },
  "full colour, palette": {
    type: "colored",
    colouring: "full",
    make: (p, random) =>
      raw(p)
        .png({ palette: true, colours: pick(random, [8, 16, 64]) })
        .toBuffer(),
  },
  "pale colour": { type: "colored", colouring: "pale", make: (p) => jpeg(p, 90) },
  "muted colour": { type: "colored", colouring: "muted", make: (p) => jpeg(p, 88) },
  "little colour": { type: "colored", colouring: "few", make: png },
  "little colour, JPEG": { type: "colored", colouring: "few", make: (p) => jpeg(p, 80) },
  "night in one hue": { type: "colored", colouring: "night", make: (p) => jpeg(p, 90) },
  "full colour on yellowed paper": {
    type: "colored",
    colouring: "full",
    make: (p, random) => jpeg(onPaper(p, random, pick(random, YELLOW)), 85),
  },
  "pale colour on yellowed paper": {
    type: "colored",
    colouring: "pale",
    make: (p, random) => jpeg(onPaper(p, random, pick(random, YELLOW)), 88),
  },
  "full colour, CMYK": {
    type: "colored",
    colouring: "full",
    make: (p) => raw(p).toColourspace("cmyk").jpeg({ quality: 90 }).toBuffer(),
  },
};

/** Labelled pictures: `each` of every kind. The file's bytes, its label and kind. */
export async function* labelledPictures(seed, count) {
  let number = 0;
  for (const [kind, { type, colouring, make }] of Object.entries(KINDS)) {
    for (let i = 0; i < count; i++) {
      const own = seed * 100_000 + number++;
      yield { kind, type, bytes: await make(await pixels(drawScene(own, colouring)), randomSource(own + 7)) };
    }
  }
}
