// Telling pages from coloured pictures against decoding the same files with sharp alone: ms of one core a picture, and
// pictures a second with the worker pool on all cores (the ratio's peer is sharp in this process, as many pictures at
// once as there are cores). Pages as scanners and programs save them: gray PNG, the same as RGB, and coloured PNG.
import { availableParallelism } from "node:os";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import sharp from "sharp";
import { decodeForClassification, measure } from "../dist/classification/index.js";
import { openPageSource } from "../dist/io/open-source.js";
import { TaskPool } from "../dist/colorization/tasks/pool.js";
import { classifyImage } from "../dist/classification/classify-image.js";
import { compare, report } from "./harness.mjs";

sharp.concurrency(1);
sharp.cache(false);
const source = await openPageSource("scripts/sample/chapter.cbz");
const files = await Promise.all(
  source
    .entries()
    .filter(({ kind }) => kind === "image")
    .map(async (entry) => Buffer.from(await entry.read())),
);
await source.close();
const gray = files.filter((bytes) => bytes[25] === 0);
const colour = files.filter((bytes) => bytes[25] === 2);
const grayAsRgb = await Promise.all(gray.map((bytes) => sharp(bytes).toColourspace("srgb").png().toBuffer()));
if (gray.length === 0 || colour.length === 0) throw new Error("the sample chapter has no gray or no coloured page");

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
/** What the candidate before has left is freed at nobody's cost. */
const collectGarbage = async () => {
  gc();
  await setTimeout(30); // memory is given back beside the main thread
};
/**
 * A sample is a short chapter: of a few pictures alone, what the first ones cost after a collection would be most of
 * it.
 */
const chapterOf = (list) => Array.from({ length: Math.ceil(24 / list.length) }, () => list).flat();
const cpuMs = (list, action) => async () => {
  const chapter = chapterOf(list);
  await collectGarbage();
  const start = process.cpuUsage();
  for (const bytes of chapter) await action(bytes);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000 / chapter.length;
};
const decode = (bytes) => sharp(bytes).raw().toBuffer();
const measured = async (bytes) => measure(await decodeForClassification(bytes, "page"));
const told = (bytes) => classifyImage(bytes, "page", { decision: "calibrated", byHeader: true });
for (const [list, type] of [
  [gray, "line_art"],
  [grayAsRgb, "line_art"],
  [colour, "colored"],
])
  for (const bytes of list)
    if ((await told(bytes)).type !== type) throw new Error(`a ${type} page is taken for another`);

const single = (name, list) =>
  compare({
    name,
    unit: "ms of one core a picture",
    rounds: 9,
    candidates: {
      "told in a batch": cpuMs(list, told),
      "decode alone": cpuMs(list, decode),
      "all metrics": cpuMs(list, measured),
    },
  });
const results = [
  await single("gray PNG", gray),
  await single("gray PNG saved as RGB", grayAsRgb),
  await single("coloured PNG", colour),
  await single("the sample chapter", files),
];

const cores = availableParallelism();
/** Pictures a second, as many at once as there are cores. */
const rate = (list, work) => async () => {
  await collectGarbage();
  const waiting = [...list];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: cores }, async () => {
      for (let bytes = waiting.pop(); bytes !== undefined; bytes = waiting.pop()) await work(bytes);
    }),
  );
  return list.length / ((performance.now() - start) / 1000);
};
const pool = new TaskPool({ minThreads: cores });
try {
  const inPool = (bytes) => pool.classify(new Uint8Array(bytes), "page", { decision: "calibrated", byHeader: true });
  const all = (name, list) =>
    compare({
      name: `${name}, ${cores} cores`,
      unit: "pictures/s",
      rounds: 5,
      candidates: {
        "told in a batch": rate(list, inPool),
        "decode alone": rate(list, decode),
        "decoded in the pool": rate(list, (bytes) => pool.decode(new Uint8Array(bytes), "page")),
      },
    });
  for (const [name, list] of [
    ["gray PNG saved as RGB", grayAsRgb],
    ["coloured PNG", colour],
    ["the sample chapter", files],
  ])
    results.push(await all(name, chapterOf(list)));
} finally {
  await pool.close();
}
report("classification", results, "build/bench");
