/**
 * Takes a page that fits the model, or one tile of a page that does not, through the networks: line extraction,
 * retrieval, reference K/V, latents, denoising, decoding, guided upsampling. The stages and their constants are those
 * of Cobra (arXiv 2504.12240 and its `app.py`).
 */
import type { RasterImage } from "../../binding/raster.js";
import { Tensor } from "../../binding/index.js";
import type { CacheLease } from "../../memory/lease-cache.js";
import type { Bucket } from "../../model/buckets.js";
import type { ModelManifest } from "../../model/manifest.js";
import type { DeviceLane } from "../devices/device-lane.js";
import type { Networks } from "../networks/networks.js";
import { upsampledSize } from "../tasks/network-pictures.js";
import type { ConditionPlanes, PreparedConditions } from "../tasks/prepare-conditions.js";
import type { DecodedPlanes } from "../tasks/prepare-decoded.js";
import type { PreparedTile } from "../tasks/prepare-page.js";
import type { RunTask } from "../tasks/table.js";
import type { PageNoise } from "./page-noise.js";
import type { StageClock } from "./page-stages.js";
import type { ProbedRequest, RasterResult } from "./raster-request.js";
import { pageResolution, type ChosenPatch } from "./reference-blocks.js";
import type { ReferenceSet } from "./references.js";
import { QUADRANTS, retrievePatches, retrieveWhole } from "./retrieval.js";

/** What the tiles of a page share. */
interface TileContext {
  /** The device that colours the tile. */
  lane: DeviceLane;
  references: ReferenceSet;
  runTask: RunTask;
  clock: StageClock;
  /** The guided upsampler, where the page's picture goes through it. */
  upsampler: ModelManifest["upsampler"];
  /** What is made of the picture takes it as the decoder gives it. */
  asPlanes: boolean;
}

export interface ColorizedTile {
  /** The model's picture, or what it is made of, in memory of the device's planes, where that is asked for. */
  picture: RasterImage | DecodedPlanes;
  references: RasterResult["references"];
}

/** Colours a page that fits the model, or one tile. */
export async function colorizeTile(
  context: TileContext,
  prepared: PreparedTile,
  request: ProbedRequest,
): Promise<ColorizedTile> {
  const { lane, runTask, clock, upsampler, asPlanes } = context;
  const { style, signal } = request;
  const { networks } = lane;
  const { manifest } = networks.model;
  const report = request.onValue ?? (() => undefined);
  const { bucket } = prepared;
  const { width, height } = bucket;

  clock.begin("lines");
  // Beside the lines: the device embeds the page while a worker makes the conditions, and the other way round.
  const looking = lookUp(context, prepared, request);
  looking.catch(() => undefined);
  let conditions: PreparedConditions;
  const planes = conditionPlanes(networks, bucket, prepared.marks !== undefined, upsampler);
  try {
    const lineRaw = await networks.extractLines(prepared.lineInput, signal);
    networks.planes.giveBack(prepared.lineInput.data);
    conditions = await runTask(
      "prepareConditions",
      {
        gray: prepared.gray,
        lineRaw,
        style,
        marks: prepared.marks,
        latentDownscale: manifest.latent.downscale,
        planes,
        keepLine: request.onValue !== undefined,
      },
      signal,
    );
    networks.planes.giveBack(lineRaw.data, prepared.gray.data);
  } catch (error) {
    await looking.then(
      ({ lease }) => lease.release(),
      () => undefined,
    );
    throw error;
  }
  report("line", conditions.line);

  clock.begin("references");
  const { chosen, noise, lease, latentDims, upsampled } = await looking;
  report("chosen", chosen);
  let denoised: Tensor;
  try {
    clock.begin("encode");
    const [line, hint] = await encodeConditions(networks, planes, bucket, noise, signal);
    using lineLatent = line;
    using hintLatent = hint;
    networks.planes.giveBack(planes.line, ...(planes.hint === undefined ? [] : [planes.hint]));
    using hintMask = Tensor.from("float32", conditions.hintMask, [1, 1, latentDims[2], latentDims[3]]);
    using resolution = pageResolution(bucket);
    clock.begin("denoise");
    const fixed = { lineLatent, hintLatent, hintMask, resolution, referenceKv: lease.value };
    denoised = await lane.denoiser.denoise({
      style,
      dims: latentDims,
      start: noise.start,
      conditions: fixed,
      steps: request.steps,
      signal,
      onStep: (step, steps) => request.onStage?.("denoise", step, steps),
      ...(request.onValue && { onLatent: (step, value) => report(`latent_${step}`, value) }),
    });
  } finally {
    lease.release();
  }
  using latent = denoised;
  if (request.onValue) report("latent", await valuesOf(latent));

  clock.begin("decode");
  const decodedPlanes = await networks.decodeLatent(latent, signal);
  const references = chosen.map(({ quadrant, rank, patch }) => ({ quadrant, rank, label: patch.label }));
  if (asPlanes && planes.upsampled === undefined && request.onValue === undefined)
    return { picture: { planes: decodedPlanes, width, height }, references };
  const { scale, values: upLine } = planes.upsampled ?? {};
  const upColor = upLine && { values: networks.planes.take(upLine.length), scale: scale! };
  const decoded = await runTask("prepareDecoded", { planes: decodedPlanes, width, height, upsampled: upColor }, signal);
  networks.planes.giveBack(decodedPlanes);
  report("picture", decoded.picture);

  let image = decoded.picture;
  if (upLine && upColor) {
    clock.begin("upsample");
    const [upWidth, upHeight] = upsampled;
    const up = await networks.upsample(upColor.values, upLine, noise.upsampler, upWidth, upHeight, style, signal);
    networks.planes.giveBack(upColor.values, upLine);
    image = await runTask("finishPicture", { planes: up, width: upWidth, height: upHeight }, signal);
    networks.planes.giveBack(up);
  }
  return { picture: image, references };
}

/** Latents of the line picture and of the hint picture. Without hints they are draws of one picture, from one run. */
async function encodeConditions(
  networks: Networks,
  { line, hint }: ConditionPlanes,
  { width, height }: Bucket,
  noise: PageNoise,
  signal: AbortSignal | undefined,
): Promise<[Tensor, Tensor]> {
  if (hint !== undefined || !networks.drawsSeveral) {
    const lineLatent = await networks.encodeImage(line, width, height, noise.line, signal);
    try {
      return [lineLatent, await networks.encodeImage(hint ?? line, width, height, noise.hint, signal)];
    } catch (error) {
      lineLatent.dispose();
      throw error;
    }
  }
  const both = networks.planes.take(2 * noise.line.length);
  both.set(noise.line);
  both.set(noise.hint, noise.line.length);
  using latents = await networks.encodeImage(line, width, height, both, signal);
  networks.planes.giveBack(both);
  const dims = [1, ...latents.dims.slice(1)];
  // An encoder that does not look at the noise may give one latent for all draws.
  const second = latents.dims[0] === 1 ? 0 : noise.line.length;
  return [latents.view(0, dims), latents.view(second, dims)];
}

/** Memory for the planes of a tile's conditions; given back when the networks have taken them. */
function conditionPlanes(
  { planes }: Networks,
  { width, height }: Bucket,
  hasMarks: boolean,
  upsampler: TileContext["upsampler"],
): ConditionPlanes {
  const count = 3 * width * height;
  const made: ConditionPlanes = { line: planes.take(count), ...(hasMarks ? { hint: planes.take(count) } : {}) };
  if (upsampler === null) return made;
  const [upWidth, upHeight] = upsampledSize(width, height, upsampler.scale);
  return { ...made, upsampled: { values: planes.take(3 * upWidth * upHeight), scale: upsampler.scale } };
}

/** What a tile is coloured from, on the device; release the lease when the tile is done. */
interface Found {
  readonly chosen: ChosenPatch[];
  readonly noise: PageNoise;
  readonly lease: CacheLease<Tensor>;
  readonly latentDims: readonly [number, number, number, number];
  /** Size of the upsampled picture; zeros without an upsampler. */
  readonly upsampled: readonly [number, number];
}

/** Retrieves a tile's references, and draws its noise. */
async function lookUp(
  { lane, references, runTask, upsampler }: TileContext,
  prepared: PreparedTile,
  request: ProbedRequest,
): Promise<Found> {
  const { style, signal, seed } = request;
  const { bucket } = prepared;
  const { channels, downscale } = lane.networks.model.manifest.latent;
  const retrieved = await retrieve(lane.networks, references, prepared, request);
  const latentDims = [1, channels, bucket.height / downscale, bucket.width / downscale] as const;
  const latentCount = latentDims.reduce((product, dim) => product * dim, 1);
  const upsampled = upsampler ? upsampledSize(bucket.width, bucket.height, upsampler.scale) : ([0, 0] as const);
  const counts = {
    latent: latentCount,
    references: (retrieved.length * latentCount) / 4,
    upsampler: (channels * upsampled[0] * upsampled[1]) / downscale ** 2,
  };
  const drawing = request.noise ?? lane.noise.of(runTask, seed, counts, signal);
  const chosen = retrieved.map((one, index) => ({ ...one, noise: request.noise?.references?.[index] }));
  const [lent, noise] = await Promise.allSettled([
    references.keysAndValues(lane, chosen, bucket, style, signal),
    Promise.resolve(drawing),
  ]);
  if (lent.status === "rejected") throw lent.reason;
  if (noise.status === "rejected") {
    lent.value.release();
    throw noise.reason;
  }
  return { chosen, noise: noise.value, lease: lent.value, latentDims, upsampled };
}

async function retrieve(
  networks: Networks,
  references: ReferenceSet,
  prepared: PreparedTile,
  request: ProbedRequest,
): Promise<ChosenPatch[]> {
  const { queryPixels } = prepared;
  const patches = await references.patches(prepared.bucket, networks, request.signal);
  const queries = patches.length === 0 ? undefined : await networks.embed(queryPixels, QUADRANTS, request.signal);
  networks.planes.giveBack(queryPixels);
  if (queries === undefined) return [];
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

async function valuesOf(tensor: Tensor): Promise<Float32Array> {
  using host = await tensor.toHost();
  return (host.data as Float32Array).slice();
}
