// The pixel kernels against sharp or plain JavaScript on a page of one megapixel, one core; and classification against
// decoding alone.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import {
  countEdges,
  distinctColors,
  meanSaturation,
  resize,
  thumbnail,
  toGray,
} from "../dist/binding/pixels/pixels.js";
import { fromPlanar, SIGNED_RGB, toPlanar } from "../dist/binding/pixels/planes.js";
import { decodeForClassification, measure } from "../dist/classification/index.js";
import { compare, report } from "./harness.mjs";

sharp.concurrency(1);
sharp.cache(false);

const [WIDTH, HEIGHT] = [832, 1216];
const ROUNDS = 15;

/** A page with panels, hatching, shading and colour. */
function drawPage() {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, at += 3) {
      const ink = x % 208 < 4 || y % 304 < 4 || ((x + y) % 23 < 2 && x % 416 < 208);
      const shade = 160 + 90 * Math.sin(x / 97) * Math.cos(y / 131);
      data[at] = ink ? 12 : shade;
      data[at + 1] = ink ? 12 : 255 - shade / 2;
      data[at + 2] = ink ? 12 : 200 - ((x * y) % 17);
    }
  }
  return { width: WIDTH, height: HEIGHT, channels: 3, data };
}

const page = drawPage();
const gray = toGray(page);
const raw = { raw: { width: WIDTH, height: HEIGHT, channels: 3 } };
const planes = toPlanar(page, SIGNED_RGB);
const scratch = new Float32Array(planes.length);
const png = await sharp(page.data, raw).png().toBuffer();

/** One sample: milliseconds of one call. */
const timed = (action) => async () => {
  const start = performance.now();
  await action();
  return performance.now() - start;
};

/** Throws unless two byte arrays differ by no more than `mean` on average. */
function check(name, ours, theirs, mean) {
  let sum = ours.length === theirs.length ? 0 : Infinity;
  for (let i = 0; i < ours.length; i++) sum += Math.abs(ours[i] - theirs[i]);
  if (!(sum / ours.length <= mean))
    throw new Error(`${name}: results differ by ${(sum / ours.length).toFixed(3)} on average, allowed are ${mean}`);
}

const plain = {
  gray() {
    const out = new Uint8Array(WIDTH * HEIGHT);
    for (let i = 0, j = 0; i < out.length; i++, j += 3)
      out[i] = (19595 * page.data[j] + 38470 * page.data[j + 1] + 7471 * page.data[j + 2] + 32768) >> 16;
    return out;
  },
  saturation() {
    let sum = 0;
    for (let j = 0; j < page.data.length; j += 3) {
      const high = Math.max(page.data[j], page.data[j + 1], page.data[j + 2]);
      const low = Math.min(page.data[j], page.data[j + 1], page.data[j + 2]);
      if (high > 0) sum += Math.round(((high - low) * 255) / high);
    }
    return sum / (WIDTH * HEIGHT) / 255;
  },
  toPlanar() {
    const size = WIDTH * HEIGHT;
    for (let i = 0, j = 0; i < size; i++, j += 3) {
      scratch[i] = (page.data[j] / 255) * 2 - 1;
      scratch[size + i] = (page.data[j + 1] / 255) * 2 - 1;
      scratch[2 * size + i] = (page.data[j + 2] / 255) * 2 - 1;
    }
    return scratch;
  },
  fromPlanar() {
    const size = WIDTH * HEIGHT;
    const out = new Uint8Array(3 * size);
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < size; i++)
        out[3 * i + c] = (Math.max(-1, Math.min(1, planes[c * size + i])) * 0.5 + 0.5) * 255;
    }
    return out;
  },
};
const sharpResize = (width, height, kernel, fit = "fill") =>
  sharp(page.data, raw).resize(width, height, { fit, kernel }).raw().toBuffer();
const inside = thumbnail(page, 256, 256);

check("bicubic", resize(page, 640, 1024).data, await sharpResize(640, 1024, "cubic"), 3);
check("thumbnail", inside.data, await sharpResize(inside.width, inside.height, "lanczos3"), 6);
check("gray", gray.data, plain.gray(), 0);
check("planes", toPlanar(page, SIGNED_RGB), plain.toPlanar(), 1e-6);
check("from planes", fromPlanar(planes, WIDTH, HEIGHT, 3, { rounding: "truncate" }).data, plain.fromPlanar(), 0);
if (Math.abs(meanSaturation(page) - plain.saturation()) > 0.002) throw new Error("saturation: results differ");
check("decode", (await decodeForClassification(png, "page.png")).data, page.data, 0);

const scenario = (name, ours, peer) =>
  compare({ name, unit: "ms a page", rounds: ROUNDS, candidates: { ours: timed(ours), ...peer } });
report(
  "pixel kernels, 832 x 1216 RGB",
  [
    await scenario("bicubic to 640 x 1024", () => resize(page, 640, 1024), {
      "sharp cubic": timed(() => sharpResize(640, 1024, "cubic")),
    }),
    await scenario("bicubic to 1248 x 1824", () => resize(page, 1248, 1824), {
      "sharp cubic": timed(() => sharpResize(1248, 1824, "cubic")),
    }),
    await scenario("thumbnail 256", () => thumbnail(page, 256, 256), {
      "sharp lanczos3": timed(() => sharpResize(256, 256, "lanczos3", "inside")),
    }),
    await scenario("gray", () => toGray(page), { "plain loop": timed(plain.gray) }),
    await scenario("saturation", () => meanSaturation(page), { "plain loop": timed(plain.saturation) }),
    await scenario("to planes", () => toPlanar(page, SIGNED_RGB, scratch), { "plain loop": timed(plain.toPlanar) }),
    await scenario("from planes", () => fromPlanar(planes, WIDTH, HEIGHT, 3, { rounding: "truncate" }), {
      "plain loop": timed(plain.fromPlanar),
    }),
    await scenario("edges", () => countEdges(gray, 120, 220), {}),
    await scenario("distinct colours", () => distinctColors(page), {}),
    await scenario("decode and classify a PNG", async () => measure(await decodeForClassification(png, "page.png")), {
      "decode alone": timed(() => sharp(png).raw().toBuffer()),
    }),
  ],
  join(fileURLToPath(new URL(".", import.meta.url)), "results"),
);
