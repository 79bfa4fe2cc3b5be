// Colours the pages of a job list with the product itself, for `evaluate --product`: node engine.mjs JOBS.json MODEL. A
// job is { page, references, out, hints, style, repeat } (paths of PNG files; a hint is [x, y, [r, g, b]] in the page's
// pixels). Prints a JSON line a page.
import { readFile, writeFile } from "node:fs/promises";
import { decodeImage, encodeImage, Engine } from "../../dist/index.js";

const [jobs, model] = process.argv.slice(2);
const read = async (path) => (await decodeImage(await readFile(path), path)).image;
const engine = await Engine.open({ model });
for (const { page, references, out, hints = [], style = "line", repeat = 1 } of JSON.parse(await readFile(jobs, "utf8"))) {
  const pictures = references.map(async (path) => ({ name: path, image: await read(path) }));
  const set = engine.references(await Promise.all(pictures));
  let result, wallMs;
  for (let i = 0; i < repeat; i++) {
    const image = await read(page);
    const started = performance.now();
    const pageHints = hints.map(([x, y, color]) => ({ x, y, color }));
    result = await engine.colorize(set, { page: image, style, seed: 1, steps: 1, topK: 3, pageHints });
    wallMs = performance.now() - started;
  }
  set.dispose();
  await writeFile(out, await encodeImage(result.image, { format: "png" }));
  console.log(JSON.stringify({ out, wallMs, stageMs: result.stageMs }));
}
await engine.close();
