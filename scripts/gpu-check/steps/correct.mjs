// Checks the results that the device computes.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModule } from "../../lib/modules.mjs";
import { ROOT } from "../../lib/steps.mjs";
import { drawnPicture, sessionOptions } from "../engine-parts.mjs";
import { goldenRuns } from "../golden.mjs";
import { atMost } from "../verdict.mjs";

/** Largest difference as a share of the largest value. On the CPU half precision keeps half of these. */
const MOST_SHARE = { float32: 0.002, float16: 0.02 };
/** Mean difference of samples of pictures, of 255. */
const MOST_MEAN = 2;

/** Every network on its golden case. */
export async function golden({ device, precision }, emit) {
  const { InferenceSession, Tensor } = await loadModule("binding/index.js");
  const { modelBytes } = await loadModule("onnx/model-file.js");
  const { cudaModelBytes } = await loadModule("model/cuda-graphs.js");
  const { fromFloat16, toFloat16 } = await loadModule("onnx/tensor-data.js");
  const toTensor = ({ data, dims, dtype }) => {
    if (dtype === "int64") return Tensor.from("int64", BigInt64Array.from(data, BigInt), dims);
    if (dtype === "float16") return Tensor.from("float16", Uint16Array.from(data, toFloat16), dims);
    return Tensor.from("float32", Float32Array.from(data), dims);
  };
  const run = async (graph, inputs) => {
    const bytes = modelBytes(graph);
    const options = sessionOptions(device);
    const session = await InferenceSession.create(options.provider === "cuda" ? cudaModelBytes(bytes) : bytes, options);
    const given = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, toTensor(input)]));
    const outputs = await session.run(given);
    const results = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      const data = tensor.dtype === "float16" ? Float32Array.from(tensor.data, fromFloat16) : tensor.data.slice();
      results[name] = { dims: tensor.dims, data };
      tensor.dispose();
    }
    session.dispose();
    return results;
  };
  const faults = [];
  for await (const { network, share } of goldenRuns(precision === "float16" ? { precision } : {}, run)) {
    emit(`${network}, largest difference`, 100 * share, "% of the largest value");
    if (!(share <= MOST_SHARE[precision])) faults.push(network);
  }
  if (faults.length > 0) throw new Error(`${faults.join(", ")}: above ${100 * MOST_SHARE[precision]} %`);
}

function meanDifference(one, other) {
  if (one.length !== other.length) throw new Error(`pictures of ${one.length} and ${other.length} samples`);
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += Math.abs(one[at] - other[at]);
  return sum / one.length;
}

/** A page of the tiny preset on the device and on the CPU. */
export async function tiny({ device, work }, emit) {
  const { ensurePresetPackage } = await loadModule("convert/presets.js");
  const { Engine } = await loadModule("index.js");
  const directory = join(work, "tiny-float32");
  await ensurePresetPackage({ directory, preset: "tiny", precision: "float32" });
  const colour = async (where) => {
    const engine = await Engine.open({ model: directory, session: sessionOptions(where) });
    const references = engine.references([{ name: "a", image: drawnPicture(96, 128, 3, 3) }]);
    try {
      const page = drawnPicture(96, 128, 1, 5);
      const request = { page, style: "line", seed: 1, steps: 4, topK: 2, fill: "model" };
      return (await engine.colorize(references, request)).image.data;
    } finally {
      references.dispose();
      await engine.close();
    }
  };
  const difference = meanDifference(await colour(device), await colour("cpu"));
  emit("mean difference from the CPU", difference, "of 255");
  atMost("the mean difference", difference, MOST_MEAN);
}

/** The sample chapter on the device, its first page on the CPU too. */
export async function chapter({ device }, emit) {
  const { Engine, runBatch } = await loadModule("index.js");
  const { default: sharp } = await import("sharp");
  const folder = mkdtempSync(join(tmpdir(), "cobra-gpu-check-"));
  const colour = async (where, name, options) => {
    const engine = await Engine.open({
      model: join(ROOT, "models/default"),
      session: sessionOptions(where),
    });
    const settings = { inputZip: join(ROOT, "scripts/sample/chapter.cbz"), outputDir: join(folder, name) };
    const begun = performance.now();
    const summary = await runBatch(engine, settings, options).finally(() => engine.close());
    if (summary.failed > 0)
      throw new Error(`${summary.failed} pages failed on ${where}: ${summary.failures[0]?.message}`);
    return { seconds: (performance.now() - begun) / 1000, pages: summary.completed };
  };
  try {
    const first = await colour(device, "first", {});
    emit("first run, sessions opened", first.seconds, "s");
    const pages = readdirSync(join(folder, "first"))
      .filter((name) => /_colorized\./.test(name))
      .sort();
    emit("pages", pages.length);
    await colour("cpu", "cpu", { images: ["001.png"] });
    const pixels = async (name) =>
      sharp(join(folder, name, pages[0]))
        .raw()
        .toBuffer();
    const difference = meanDifference(await pixels("first"), await pixels("cpu"));
    emit("first page, mean difference from the CPU", difference, "of 255");
    const warm = await colour(device, "second", {});
    emit("second run", warm.seconds, "s");
    atMost("the mean difference", difference, MOST_MEAN);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
