// Measures the speed of the device.
import { loadModule } from "../../lib/modules.mjs";
import { drawnPicture, median, sessionOptions, waveTensor, withNetworks } from "../engine-parts.mjs";
import { watchGpu } from "../watch-gpu.mjs";

const GRAPHS = [
  "denoiser",
  "reference_encoder",
  "vae_encoder",
  "vae_decoder",
  "guided_upsampler",
  "line_extractor",
  "image_encoder",
];
const QUADRANTS = 4;
const IN_FLIGHT = 8;

/** Median time of each network, of `only` where it is given. */
export async function networks({ device, directory, bucket, topK, steps, only = GRAPHS }, emit) {
  await withNetworks(directory, sessionOptions(device), async (bench) => {
    const times = {};
    for (const graph of only) {
      if (graph === "guided_upsampler" && bench.model.manifest.upsampler === null) continue;
      const { ms, firstMs } = await bench.time(graph, bucket, QUADRANTS * topK);
      times[graph] = ms;
      const what = graph === "denoiser" ? `denoising step, k = ${topK}` : graph;
      emit(what, ms, "ms");
      emit(`${what}, first run`, firstMs, "ms");
    }
    // What the peer gives too: line picture and hints encoded, the steps, the picture decoded.
    const page = steps * times.denoiser + 2 * times.vae_encoder + times.vae_decoder;
    if (Number.isFinite(page)) emit(`page by transformer and VAE, ${steps} steps`, page, "ms");
  });
}

/** A step of several pages at once. */
export async function batches({ device, directory, bucket, topK }, emit) {
  await withNetworks(directory, sessionOptions(device), async (bench) => {
    for (const batch of [1, 2, 4]) {
      const { ms } = await bench.time("denoiser", bucket, QUADRANTS * topK, { batch });
      emit(`step of ${batch}, a page`, ms / batch, "ms");
    }
  });
}

/** Whole pages through the engine, several in flight. */
export async function pages({ device, directory, bucket, topK, references: count, cache = true, steps, most }, emit) {
  const { Engine } = await loadModule("index.js");
  const engine = await Engine.open({
    model: directory,
    verify: false,
    session: sessionOptions(device),
    ...(cache ? {} : { referenceCacheBytes: 0 }),
  });
  const images = Array.from({ length: count }, (_, at) => ({
    name: `reference ${at}`,
    image: drawnPicture(bucket.width, bucket.height, 3, at),
  }));
  const references = engine.references(images);
  const colour = (seed) =>
    engine.colorize(references, {
      page: drawnPicture(bucket.width, bucket.height, 1, seed % 7),
      style: engine.styles[0],
      seed,
      steps,
      topK,
    });
  let gpu;
  try {
    let begun = performance.now();
    await colour(0);
    emit("first page, sessions opened", (performance.now() - begun) / 1000, "s");
    begun = performance.now();
    await colour(1);
    emit("second page, alone", (performance.now() - begun) / 1000, "s");
    const before = busyMs(engine);
    const runsBefore = engine.stats().runs;
    gpu = watchGpu(device);
    begun = performance.now();
    const elapsed = () => (performance.now() - begun) / 1000;
    let next = 2;
    let done = 0;
    const lane = async () => {
      while (next - 2 < most.pages && elapsed() < most.seconds) {
        await colour(next++);
        done++;
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    const seconds = elapsed();
    emit(`pages a second, ${IN_FLIGHT} in flight, ${steps} steps`, done / seconds);
    emit("seconds a page", seconds / done, "s");
    emit("share of the time in network runs", (100 * (busyMs(engine) - before)) / 1000 / seconds, "%");
    for (const [network, { runs, ms }] of Object.entries(engine.stats().runs)) {
      const earlier = runsBefore[network] ?? { runs: 0, ms: 0 };
      if (runs === earlier.runs) continue;
      emit(`${network}, runs a page`, (runs - earlier.runs) / done);
      emit(`${network}, a page`, (ms - earlier.ms) / done, "ms");
    }
    for (const [figure, value, unit] of gpu.figures()) emit(figure, value, unit);
    const { hits, misses } = engine.stats().caches.references;
    emit("reference cache", `${hits} hits, ${misses} misses`);
  } finally {
    gpu?.end();
    references.dispose();
    await engine.close();
  }
}

/** Milliseconds in network runs so far. */
function busyMs(engine) {
  return Object.values(engine.stats().runs).reduce((sum, { ms }) => sum + ms, 0);
}

/** What a page moves to the device and back, alone and beside a denoising step. */
export async function copies({ device, directory, bucket, topK }, emit) {
  const { Tensor } = await loadModule("binding/index.js");
  await withNetworks(directory, sessionOptions(device), async (bench) => {
    const { session, weights, tensors } = await bench.inputs("denoiser", bucket, QUADRANTS * topK);
    const inputs = await bench.onDevice(session, tensors);
    // Line, hint and two enlarged pictures up, two pictures down.
    const pixels = bucket.width * bucket.height * 3;
    const sizes = { up: Math.round(pixels * (2 + 2 * 1.5 ** 2)), down: pixels * 2 };
    const places = {};
    for (const [way, length] of Object.entries(sizes))
      places[way] = [await waveTensor("float32", [length]), await Tensor.allocOn(session, "float32", [length])];
    const up = () => places.up[0].copyTo(places.up[1]);
    const down = () => places.down[1].copyTo(places.down[0]);
    const run = async () => {
      const outputs = await session.run({ ...inputs, ...weights }, { keepOnDevice: true });
      for (const tensor of Object.values(outputs)) tensor.dispose();
    };
    const time = async (work) => {
      await work();
      const all = [];
      for (let round = 0; round < 5; round++) {
        const begun = performance.now();
        await work();
        all.push(performance.now() - begun);
      }
      return median(all);
    };
    const alone = { up: await time(up), down: await time(down), run: await time(run) };
    emit(`upload of ${(sizes.up * 4) / 1e6} MB`, alone.up, "ms");
    emit(`download of ${(sizes.down * 4) / 1e6} MB`, alone.down, "ms");
    emit("denoising step", alone.run, "ms");
    const together = await time(() => Promise.all([run(), up(), down()]));
    emit("all three, asked for at once", together, "ms");
    emit(
      "of the copies' time hidden",
      (100 * (alone.up + alone.down + alone.run - together)) / (alone.up + alone.down),
      "%",
    );
  });
}
