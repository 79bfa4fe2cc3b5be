// `npm run full-size [-- options]`: builds Cobra's whole architecture from random weights, loads it, and runs one denoising step of a page
// with its references on the CPU. Prints time and peak memory of each part as JSON. Not part of `npm test`; its twin at small size is.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureReady } from "./lib/setup.mjs";
import { main, ROOT, say, SetupError } from "./lib/steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    preset: { type: "string", default: "full" },
    precision: { type: "string", default: "fp16" },
    page: { type: "string", default: "640x1024" },
    references: { type: "string", default: "12" },
    /** How many of the references are encoded, each of which costs the same; the step always has all of them. */
    encode: { type: "string" },
    dir: { type: "string" },
  },
});
const load = (path) => import(join(ROOT, "dist", path));

/** A part in a process of its own, so that its peak memory is its own. */
function part(name, directory) {
  const options = ["preset", "precision", "page", "references", "encode"].filter((key) => values[key] !== undefined).flatMap((key) => [`--${key}`, values[key]]);
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, name, ...options, "--dir", directory], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8", env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" } });
  if (status !== 0) throw new SetupError(`the part "${name}" failed`);
  return JSON.parse(stdout);
}

function report(started, more) {
  process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000, peakRssBytes: process.resourceUsage().maxRSS * 1024, ...more })}\n`);
}

async function build(directory) {
  const { buildPresetPackage } = await load("model/presets.js");
  const started = performance.now();
  const { manifest } = await buildPresetPackage({ directory, preset: values.preset, precision: values.precision === "fp16" ? "float16" : "float32", externalDataAboveBytes: 0 });
  report(started, { fileBytes: Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0) });
}

/** Waves of order one: what is in a tensor does not change what it costs. */
const wave = (length, seed) => Float32Array.from({ length }, (_, at) => Math.sin(at * 0.37 + seed));

async function page() {
  const [width, height] = values.page.split("x").map(Number);
  const { openModelPackage } = await load("model/model-package.js");
  const model = await openModelPackage(values.dir, { verify: false });
  const { Tensor } = await load("binding/index.js");
  const { channels, downscale } = model.manifest.latent;
  const [w, h] = [width / downscale, height / downscale];
  return { model, Tensor, count: Number(values.references), channels, w, h, resolution: Tensor.from("float32", Float32Array.of(height, 2 * width), [1, 2]) };
}

async function encode() {
  const { InferenceSession } = await load("binding/index.js");
  const { model, Tensor, channels, w, h, resolution } = await page();
  const count = Number(values.encode ?? values.references);
  const started = performance.now();
  const session = await InferenceSession.create(model.graphPath("reference_encoder", model.styles[0]));
  const loadSeconds = (performance.now() - started) / 1000;
  const each = [];
  for (let index = 0; index < count; index++) {
    const begun = performance.now();
    const dims = [1, channels, h / 2, w / 2];
    const latent = Tensor.from("float32", wave(channels * (h / 2) * (w / 2), index), dims);
    const quadrant = Tensor.from("int64", BigInt64Array.of(BigInt(index % 4)), [1]);
    const { reference_kv: kv } = await session.run({ latent, quadrant, resolution });
    each.push((performance.now() - begun) / 1000);
    for (const tensor of [kv, latent, quadrant]) tensor.dispose();
  }
  session.dispose();
  report(started, { loadSeconds, secondsEach: each.reduce((sum, one) => sum + one, 0) / count, patches: count });
}

async function step() {
  const { InferenceSession } = await load("binding/index.js");
  const { model, Tensor, count, channels, w, h, resolution } = await page();
  const { layers, width } = model.manifest.referenceKv;
  const { precision } = model.manifest;
  const started = performance.now();
  const session = await InferenceSession.create(model.graphPath("denoiser", model.styles[0]));
  const loadSeconds = (performance.now() - started) / 1000;
  const latentDims = [1, channels, h, w];
  const latent = (seed) => Tensor.from("float32", wave(channels * h * w, seed), latentDims);
  // Zeros cost what any keys and values cost.
  const inputs = {
    latent: latent(1),
    line_latent: latent(2),
    hint_latent: latent(3),
    hint_mask: Tensor.alloc("float32", [1, 1, h, w]),
    timestep: Tensor.from("float32", Float32Array.of(999), [1]),
    resolution,
    reference_kv: Tensor.alloc(precision, [1, count, layers, 2, (h / 4) * (w / 4), width]),
  };
  const begun = performance.now();
  const { noise } = await session.run(inputs);
  const stepSeconds = (performance.now() - begun) / 1000;
  const finite = noise.data.every(Number.isFinite);
  if (!finite || noise.dims.join() !== latentDims.join()) throw new Error(`the noise is [${noise.dims}], finite: ${finite}`);
  session.dispose();
  report(started, { loadSeconds, stepSeconds, references: count, largest: noise.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) });
}

const PARTS = { build: () => build(values.dir), encode, step };

if (positionals.length > 0) {
  await PARTS[positionals[0]]();
} else {
  await main(async () => {
    if (process.env.COBRA_READY !== "1") await ensureReady();
    const home = values.dir ?? mkdtempSync(join(tmpdir(), "cobra-full-size-"));
    const directory = join(home, "model");
    try {
      const results = { preset: values.preset, precision: values.precision, page: values.page, cores: availableParallelism() };
      for (const name of Object.keys(PARTS)) {
        say(`${name}: ${values.preset}, ${values.precision}`);
        results[name] = part(name, directory);
      }
      process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    } finally {
      if (values.dir === undefined) rmSync(home, { recursive: true, force: true });
    }
    return 0;
  });
}
