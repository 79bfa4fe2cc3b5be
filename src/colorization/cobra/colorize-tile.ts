/**
 * Takes a page that fits the model, or one tile of a page that does not, through the networks: line extraction,
 * retrieval, reference K/V, latents, denoising, decoding, guided upsampling. The stages and their constants are those
 * of Cobra (arXiv 2504.12240 and its `app.py`).
 */
import type { RasterImage } from "../../binding/raster.js";
import { Tensor } from "../../binding/index.js";
import type { ModelManifest } from "../../model/manifest.js";
import type { Networks } from "../networks/networks.js";
import { upsampledSize } from "../tasks/network-pictures.js";
import type { PreparedTile } from "../tasks/prepare-page.js";
import type { RunTask } from "../tasks/table.js";
import { DenoiseLoop } from "./denoise-loop.js";
import type { StageClock } from "./page-stages.js";
import type { ProbedRequest, RasterResult } from "./raster-request.js";
import { pageResolution, type ChosenPatch, type ReferenceSet } from "./references.js";
import { QUADRANTS, retrievePatches, retrieveWhole } from "./retrieval.js";
import { solverSteps } from "./solver.js";

/** What the tiles of a page share. */
interface TileContext {
  networks: Networks;
  references: ReferenceSet;
  runTask: RunTask;
  clock: StageClock;
  /** The guided upsampler, where the page's picture goes through it. */
  upsampler: ModelManifest["upsampler"];
}

export interface ColouredTile {
  /** The model's picture. */
  picture: RasterImage;
  references: RasterResult["references"];
}

/** Colours a page that fits the model, or one tile. */
export async function colorizeTile(
  { networks, references, runTask, clock, upsampler }: TileContext,
  prepared: PreparedTile,
  request: ProbedRequest,
): Promise<ColouredTile> {
  const { style, signal } = request;
  const { manifest } = networks.model;
  const report = request.onValue ?? (() => undefined);
  const { bucket } = prepared;
  const { width, height } = bucket;

  clock.begin("lines");
  const lineRaw = await networks.extractLines(prepared.lineInput, signal);
  const conditions = await runTask(
    "prepareConditions",
    {
      gray: prepared.gray,
      lineRaw,
      style,
      marks: prepared.marks,
      latentDownscale: manifest.latent.downscale,
      upsamplerScale: upsampler?.scale ?? null,
    },
    signal,
  );
  report("line", conditions.line);

  clock.begin("references");
  const retrieved = await retrieve(networks, references, prepared, request);
  const latentDims = [
    1,
    manifest.latent.channels,
    height / manifest.latent.downscale,
    width / manifest.latent.downscale,
  ] as const;
  const latentCount = latentDims.reduce((product, dim) => product * dim, 1);
  const upsampled = upsampler ? upsampledSize(width, height, upsampler.scale) : ([0, 0] as const);
  const counts = {
    latent: latentCount,
    references: (retrieved.length * latentCount) / 4,
    upsampler: (manifest.latent.channels * upsampled[0] * upsampled[1]) / manifest.latent.downscale ** 2,
  };
  const noise = request.noise ?? (await runTask("seededNoise", { seed: request.seed, counts }, signal));
  const chosen = retrieved.map((one, index) => ({ ...one, noise: noise.references?.[index] }));
  report("chosen", chosen);
  const lease = await references.keysAndValues(chosen, bucket, style, signal);
  let denoised: Tensor;
  try {
    clock.begin("encode");
    using lineLatent = await networks.encodeImage(conditions.linePlanes, width, height, noise.line, signal);
    using hintLatent = await networks.encodeImage(conditions.hintPlanes, width, height, noise.hint, signal);
    using hintMask = Tensor.from("float32", conditions.hintMask, [1, 1, latentDims[2], latentDims[3]]);
    using resolution = pageResolution(bucket);
    clock.begin("denoise");
    const fixed = { lineLatent, hintLatent, hintMask, resolution, referenceKv: lease.value };
    const start = await Tensor.upload(await networks.session("denoiser", style), "float32", noise.start, latentDims);
    using loop = await DenoiseLoop.open(networks, style, fixed, start);
    await denoise(loop, networks.model.manifest, request);
    denoised = loop.finish();
  } finally {
    lease.release();
  }
  using latent = denoised;
  if (request.onValue) report("latent", await valuesOf(latent));

  clock.begin("decode");
  const planes = await networks.decodeLatent(latent, signal);
  const decoded = await runTask(
    "prepareDecoded",
    { planes, width, height, upsamplerScale: upsampler?.scale ?? null },
    signal,
  );
  report("picture", decoded.picture);

  let image = decoded.picture;
  if (upsampler && decoded.upsampledColorPlanes && conditions.upsampledLinePlanes) {
    clock.begin("upsample");
    const [upWidth, upHeight] = upsampled;
    const up = await networks.upsample(
      decoded.upsampledColorPlanes,
      conditions.upsampledLinePlanes,
      noise.upsampler,
      upWidth,
      upHeight,
      style,
      signal,
    );
    image = await runTask("finishPicture", { planes: up, width: upWidth, height: upHeight }, signal);
  }
  return {
    picture: image,
    references: chosen.map(({ quadrant, rank, patch }) => ({ quadrant, rank, label: patch.label })),
  };
}

async function retrieve(
  networks: Networks,
  references: ReferenceSet,
  prepared: PreparedTile,
  request: ProbedRequest,
): Promise<ChosenPatch[]> {
  const patches = await references.patches(prepared.bucket, request.signal);
  if (patches.length === 0) return [];
  const queries = await networks.embed(prepared.queryPixels, QUADRANTS, request.signal);
  const size = networks.model.manifest.imageEncoder.embeddingSize;
  const embeddings = new Float32Array(patches.length * size);
  patches.forEach((patch, index) => embeddings.set(patch.embedding, index * size));
  if (networks.model.manifest.references === "whole") {
    return retrieveWhole(queries, embeddings, size, QUADRANTS * request.topK).map((index, rank) => ({
      quadrant: rank % QUADRANTS,
      rank,
      patch: patches[index]!,
    }));
  }
  const ranking = retrievePatches(queries, embeddings, size, request.topK);
  return ranking.flatMap((row, quadrant) => row.map((index, rank) => ({ quadrant, rank, patch: patches[index]! })));
}

async function denoise(
  loop: DenoiseLoop,
  { scheduler }: ModelManifest,
  { signal, onStage, onValue, steps: wanted }: ProbedRequest,
): Promise<void> {
  const count = Math.min(wanted, scheduler.maxSteps ?? wanted);
  const steps = solverSteps(count, {
    trainSteps: scheduler.trainTimesteps,
    betaStart: scheduler.betaStart,
    betaEnd: scheduler.betaEnd,
  });
  signal?.throwIfAborted();
  onStage?.("denoise", 1, count);
  const onStep = (done: number): void => {
    if (done < count) onStage?.("denoise", done + 1, count);
  };
  if (onValue === undefined) {
    await loop.run([steps], { onStep, signal });
    return;
  }
  for (const [index, step] of steps.entries()) {
    await loop.run([[step]], { onStep: () => onStep(index + 1), signal });
    onValue(`latent_${index}`, await valuesOf(loop.latent));
  }
}

async function valuesOf(tensor: Tensor): Promise<Float32Array> {
  using host = await tensor.toHost();
  return (host.data as Float32Array).slice();
}
