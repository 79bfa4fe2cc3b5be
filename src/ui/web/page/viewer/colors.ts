/** Colours from pictures: a single pixel for the eyedropper, and the main colours for a palette. */

/** Red, green, blue as #rrggbb. */
export function hex(red: number, green: number, blue: number): string {
  return `#${[red, green, blue].map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}

const WHOLE: Record<string, Promise<CanvasRenderingContext2D>> = {};
const KEPT = 6;

function contextOf(url: string): Promise<CanvasRenderingContext2D> {
  const known = WHOLE[url];
  if (known) return known;
  const reading = (async () => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.drawImage(image, 0, 0);
    return context;
  })();
  WHOLE[url] = reading;
  const keys = Object.keys(WHOLE);
  if (keys.length > KEPT) delete WHOLE[keys[0]!];
  return reading;
}

/** The colour at a place, as shares of width and height; undefined outside. */
export async function colorAt(url: string, x: number, y: number): Promise<string | undefined> {
  if (x < 0 || y < 0 || x >= 1 || y >= 1) return undefined;
  const context = await contextOf(url);
  const { width, height } = context.canvas;
  const [red, green, blue] = context.getImageData(Math.floor(x * width), Math.floor(y * height), 1, 1).data;
  return hex(red!, green!, blue!);
}

const SAMPLE_PX = 48;
const BITS = 4;
const LEAST_DISTANCE = 60;

/** The main colours of a picture, the most frequent first, without near-black and near-white. */
export async function mainColors(url: string, count: number): Promise<string[]> {
  const source = (await contextOf(url)).canvas;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SAMPLE_PX;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingEnabled = false;
  context.drawImage(source, 0, 0, SAMPLE_PX, SAMPLE_PX);
  const { data } = context.getImageData(0, 0, SAMPLE_PX, SAMPLE_PX);
  const bins = new Map<number, { count: number; sum: [number, number, number] }>();
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = [data[at]!, data[at + 1]!, data[at + 2]!];
    const [low, high] = [Math.min(red, green, blue), Math.max(red, green, blue)];
    if (high < 40 || low > 238) continue;
    const key = ((red >> BITS) << 8) | ((green >> BITS) << 4) | (blue >> BITS);
    const bin = bins.get(key) ?? { count: 0, sum: [0, 0, 0] };
    bin.count++;
    for (const [channel, level] of [red, green, blue].entries()) bin.sum[channel as 0 | 1 | 2] += level;
    bins.set(key, bin);
  }
  const colors = [...bins.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ count: size, sum }) => hex(...(sum.map((total) => Math.round(total / size)) as [number, number, number])));
  return distinct(colors, count);
}

/** The first `count` colours that are not much like an earlier one. */
export function distinct(colors: readonly string[], count: number): string[] {
  const chosen: { color: string; levels: number[] }[] = [];
  for (const color of colors) {
    const levels = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
    const far = chosen.every((one) => Math.hypot(...one.levels.map((level, c) => level - levels[c]!)) > LEAST_DISTANCE);
    if (far) chosen.push({ color, levels });
    if (chosen.length === count) break;
  }
  return chosen.map(({ color }) => color);
}
