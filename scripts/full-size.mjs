// `npm run full-size [-- options]`: builds Cobra's whole architecture from random weights in both styles, loads it,
// encodes a page's references, runs one denoising step with them on the CPU, and changes the style. Prints time and
// memory of each part as JSON, and what was estimated. Not part of `npm test`; its twin at small size is.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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
    /**
     * How many of the references are encoded; the step has all of them, the encoded ones again where they are fewer.
     */
    encode: { type: "string" },
    /** Rank of each style's LoRA; Cobra's is 128. */
    rank: { type: "string", default: "128" },
    dir: { type: "string" },
  },
});
const load = (path) => import(join(ROOT, "dist", path));

/** A part in a process of its own, so that its peak memory is its own. */
function part(name, directory) {
  const options = ["preset", "precision", "page", "references", "encode", "rank"]
    .filter((key) => values[key] !== undefined)
    .flatMap((key) => [`--${key}`, values[key]]);
  const { status, stdout } = spawnSync(process.execPath, [import.meta.filename, name, ...options, "--dir", directory], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  });
  if (status !== 0) throw new SetupError(`the part "${name}" failed`);
  return JSON.parse(stdout);
}

/** Memory of this process in bytes: resident, resident of its own (not files), the most it ever was. */
function memory() {
  const [rollup, status] = ["smaps_rollup", "status"].map((name) => readFileSync(`/proc/self/${name}`, "utf8"));
  const read = (text, key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "mu").exec(text)[1]) * 1024;
  return { rssBytes: read(rollup, "Rss"), ownBytes: read(rollup, "Anonymous"), peakRssBytes: read(status, "VmHWM") };
}

function report(started, more) {
  process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - started) / 1000, ...memory(), ...more })}\n`);
}

async function build(directory) {
  const { buildPresetPackage } = await load("convert/presets.js");
  const started = performance.now();
  const { manifest } = await buildPresetPackage({
    directory,
    preset: values.preset,
    precision: values.precision === "fp16" ? "float16" : "float32",
    externalDataAboveBytes: 0,
    loraRank: Number(values.rank),
  });
  report(started, {
    fileBytes: Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0),
    files: Object.fromEntries(
      Object.entries(manifest.files).flatMap(([name, { bytes }]) => (name.endsWith(".bin") ? [[name, bytes]] : [])),
    ),
  });
}

/** Waves of order one: what is in a tensor does not change what it costs. */
const wave = (length, seed) => Float32Array.from({ length }, (_, at) => Math.sin(at * 0.37 + seed));

async function timed(work) {
  const begun = performance.now();
  const result = await work();
  return [result, (performance.now() - begun) / 1000];
}

/** What is estimated for the two networks' values in between, and for the references' keys and values. */
async function estimate(model, width, height, count) {
  const { PageMemory } = await load("colorization/page-memory.js");
  const needs = new PageMemory(model);
  return {
    activationBytes: needs.networkBytes([width, height], count / 4, ["reference_encoder", "denoiser"]),
    referenceBytes: needs.referenceBytes([width, height], count / 4),
  };
}

/**
 * References, then a step with their keys and values, through the engine's own networks, then the same of the other
 * style.
 */
async function page() {
  const [width, height] = values.page.split("x").map(Number);
  const { openModelPackage } = await load("model/package.js");
  const { Networks } = await load("colorization/networks/networks.js");
  const { Tensor, liveCounts } = await load("binding/index.js");
  const model = await openModelPackage(values.dir, { verify: false });
  const [first, second = first] = model.styles;
  const { channels, downscale } = model.manifest.latent;
  const [w, h] = [width / downscale, height / downscale];
  const count = Number(values.references);
  const resolution = Tensor.from("float32", Float32Array.of(height, 2 * width), [1, 2]);
  const latentOf = (rows, columns, seed) =>
    Tensor.from("float32", wave(channels * rows * columns, seed), [1, channels, rows, columns]);
  const weightBytes = {};
  const networks = new Networks(
    model,
    {},
    {
      book: (owner, bytes) => ((weightBytes[owner] = bytes), { [Symbol.dispose]() {} }),
    },
  );
  const started = performance.now();
  const at = {};
  const note = (moment) => {
    at[moment] = memory();
    say(
      `${moment} after ${Math.round((performance.now() - started) / 1000)} s, resident ${(at[moment].rssBytes / 1e9).toFixed(2)} GB, own ${(at[moment].ownBytes / 1e9).toFixed(2)} GB, peak ${(at[moment].peakRssBytes / 1e9).toFixed(2)} GB`,
    );
  };
  note("start");

  const encode = async (index, style) => {
    const latent = latentOf(h / 2, w / 2, index);
    const patch = await networks.encodeReference(latent, index % 4, resolution, style);
    latent.dispose();
    return patch;
  };
  // Loading is what the first patch takes longer than the second.
  const [kv, secondsFirst] = await timed(() => encode(0, first));
  note("firstPatch");
  const { layers, width: kvWidth } = model.manifest.referenceKv;
  const tokens = (h / 4) * (w / 4);
  const referenceKv = Tensor.alloc(kv.dtype, [1, count, layers, 2, tokens, kvWidth]);
  const each = layers * 2 * tokens * kvWidth;
  const encoded = Number(values.encode ?? count);
  const seconds = [];
  for (let index = 0; index < count; index++) {
    const [patch, time] =
      index === 0
        ? [kv, secondsFirst]
        : index < encoded
          ? await timed(() => encode(index, first))
          : [undefined, undefined];
    if (time !== undefined) seconds.push(time);
    const [part, source] = [index, index % encoded].map((at) =>
      referenceKv.view(at * each, [1, layers, 2, tokens, kvWidth]),
    );
    await (patch ?? source).copyTo(part);
    for (const tensor of [part, source, patch]) tensor?.dispose();
  }
  note("allPatches");
  const lineLatent = latentOf(h, w, 2);
  const hintLatent = latentOf(h, w, 3);
  const hintMask = Tensor.alloc("float32", [1, 1, h, w]);
  const step = async (style) => {
    const { DenoiseLoop } = await load("colorization/cobra/denoise-loop.js");
    const { solverSteps } = await load("colorization/cobra/solver.js");
    const session = await networks.session("denoiser", style);
    const start = await Tensor.upload(session, "float32", wave(channels * h * w, 1), [1, channels, h, w]);
    const conditions = { lineLatent, hintLatent, hintMask, resolution, referenceKv };
    const loop = await DenoiseLoop.open(networks, style, conditions, start);
    await loop.run([solverSteps(1)]);
    const latent = loop.finish();
    const host = await latent.toHost();
    const values = host.data.slice();
    for (const tensor of [latent, host]) tensor.dispose();
    return values;
  };
  const [noise, stepSeconds] = await timed(() => step(first));
  note("step");
  if (!noise.every(Number.isFinite)) throw new Error("the noise is not finite");
  const { sessions, tensors } = liveCounts();
  networks.closeStyle(first);
  const [other, otherSeconds] = await timed(() => encode(0, second));
  other.dispose();
  note("otherStyle");
  report(started, {
    references: {
      encoded,
      secondsFirst,
      secondsEach: seconds.slice(1).reduce((sum, one) => sum + one, 0) / Math.max(1, seconds.length - 1),
    },
    step: {
      seconds: stepSeconds,
      references: count,
      largest: noise.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    },
    otherStyle: {
      secondsFirst: otherSeconds,
      sessions: liveCounts().sessions - sessions,
      tensors: liveCounts().tensors - tensors,
    },
    memory: at,
    weightBytes,
    estimate: await estimate(model, width, height, count),
  });
  networks.dispose();
}

const PARTS = { build: () => build(values.dir), page };

if (positionals.length > 0) {
  await PARTS[positionals[0]]();
} else {
  await main(async () => {
    if (process.env.COBRA_READY !== "1") await ensureReady();
    const home = values.dir ?? mkdtempSync(join(tmpdir(), "cobra-full-size-"));
    const directory = join(home, "model");
    try {
      const results = {
        preset: values.preset,
        precision: values.precision,
        page: values.page,
        cores: availableParallelism(),
      };
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
