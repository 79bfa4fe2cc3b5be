// The page's own ink against the plain way (enlarge the model's picture with sharp, multiply it with the page): time of
// one core, and how far each is from the drawing's true colours beside the ink and inside balloons. The model's picture
// is the drawing shrunk, with lines of its own that are thicker and a pixel off.
import sharp from "sharp";
import { flattenColors } from "../dist/binding/pixels/flats.js";
import { composeInk } from "../dist/binding/pixels/ink.js";
import { resize } from "../dist/binding/pixels/pixels.js";
import { compare, report } from "./harness.mjs";

sharp.concurrency(1);
sharp.cache(false);

const FILLS = [
  [224, 96, 72],
  [86, 132, 214],
  [244, 204, 118],
  [108, 172, 96],
  [242, 208, 186],
  [96, 70, 110],
];

/**
 * A drawing in units of its width: panels of flat colours, balloons with text, hatching. Gives [colour, is ink, is
 * balloon].
 */
function drawing(x, y, thick) {
  const u = (x * 4) % 1,
    v = (y * 5) % 1;
  const fill = FILLS[(Math.floor(x * 4) + 2 * Math.floor(y * 5)) % FILLS.length];
  const line = thick / 1.2;
  const radius = Math.hypot((u - 0.5) / 0.34, (v - 0.4) / 0.22);
  const inside = radius < 1;
  const text =
    inside &&
    Math.abs(v - 0.4) < 0.1 &&
    Math.abs(u - 0.5) < 0.2 &&
    (u * 25) % 1 < 0.2 + 10 * line &&
    (v * 20) % 1 < 0.7;
  const hatching = v > 0.75 && (u + v) % 0.09 < 4 * line;
  const ink = u < 4 * line || v < 5 * line || Math.abs(radius - 1) < 8 * line || text || hatching;
  return [inside ? [255, 255, 255] : fill, ink, inside];
}

function picture(width, height, at) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i += 3) data.set(at(x, y), i);
  return { width, height, channels: 3, data };
}

/** The page, its true colours, the model's picture, and which pixels are beside ink (but not on it) or in a balloon. */
function scene(width, height) {
  const truth = picture(width, height, (x, y) => {
    const [color, ink] = drawing(x / width, y / width, 0.003);
    return ink ? [0, 0, 0] : color;
  });
  const page = picture(width, height, (x, y) =>
    drawing(x / width, y / width, 0.003)[1] ? [0, 0, 0] : [255, 255, 255],
  );
  const fine = picture(1280, 1872, (x, y) => {
    const [color, ink] = drawing((x - 2) / 1280, ((y - 2) / 1872) * (height / width), 0.0045);
    return ink ? [24, 22, 26] : color;
  });
  const model = resize(resize(fine, 640, 936), 960, 1404);
  const reach = Math.round(width / 120);
  const near = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (page.data[3 * (y * width + x)] === 0) continue;
      for (const [dx, dy] of [
        [reach, 0],
        [-reach, 0],
        [0, reach],
        [0, -reach],
      ]) {
        const [u, v] = [x + dx, y + dy];
        if (u >= 0 && v >= 0 && u < width && v < height && page.data[3 * (v * width + u)] === 0)
          near[y * width + x] = 1;
      }
    }
  }
  return { page, truth, model, near };
}

async function plain({ page, model }) {
  const multiplied = {
    input: page.data,
    raw: { width: page.width, height: page.height, channels: 3 },
    blend: "multiply",
  };
  return sharp(model.data, { raw: model })
    .resize(page.width, page.height, { fit: "fill", kernel: "cubic" })
    .composite([multiplied])
    .removeAlpha()
    .raw()
    .toBuffer();
}

/** Mean distance from the true colours, in levels of 255, over pixels beside ink. */
function besideInk({ truth, near }, data) {
  let sum = 0,
    count = 0;
  near.forEach((is, i) => {
    if (!is) return;
    for (let c = 0; c < 3; c++) sum += Math.abs(data[3 * i + c] - truth.data[3 * i + c]);
    count += 3;
  });
  return sum / count;
}

/** Share of white pixels of the drawing that are more than 3 levels off white, in percent. */
function soiledWhite({ truth }, data) {
  let soiled = 0,
    count = 0;
  for (let i = 0; i < data.length; i += 3) {
    if (truth.data[i] + truth.data[i + 1] + truth.data[i + 2] < 765) continue;
    count++;
    if (Math.min(data[i], data[i + 1], data[i + 2]) < 252) soiled++;
  }
  return (100 * soiled) / count;
}

function assertInk({ page }, data) {
  for (let i = 0; i < data.length; i++)
    if (page.data[i] === 0 && data[i] !== 0)
      throw new Error(`byte ${i} is ink of the page, but ${data[i]} in the result`);
}

const results = [];
for (const [name, width, height, rounds] of [
  ["1 MP", 832, 1216, 15],
  ["12 MP", 2880, 4212, 3],
]) {
  const given = scene(width, height);
  const megapixels = (width * height) / 1e6;
  const ours = composeInk(given.page, given.model).data,
    theirs = await plain(given);
  assertInk(given, ours);
  const timed = (action) => async () => {
    const start = process.cpuUsage();
    await action();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000 / megapixels;
  };
  const peer = "sharp cubic x page";
  results.push(
    await compare({
      name,
      unit: "ms of one core a megapixel",
      rounds,
      candidates: {
        ours: timed(() => composeInk(given.page, given.model)),
        [peer]: timed(() => plain(given)),
        "ours, one colour a region": timed(() => composeInk(given.page, flattenColors(given.page, given.model))),
      },
    }),
  );
  const quality = (what, unit, measure) =>
    compare({
      name: `${name}, ${what}`,
      unit,
      rounds: 1,
      candidates: { ours: async () => measure(given, ours), [peer]: async () => measure(given, theirs) },
    });
  results.push(
    await quality("beside ink", "levels off the true colour", besideInk),
    await quality("white", "% of white not white", soiledWhite),
  );
  if (besideInk(given, ours) > besideInk(given, theirs) / 3)
    throw new Error("colour beside ink is not three times as near to the truth as the plain way's");
}
report("page ink", results, "build/bench");
