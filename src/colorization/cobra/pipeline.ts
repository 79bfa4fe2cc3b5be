/**
 * What happens to one page, tile by tile where its shape fits no page size of the model, in order: bucket, line
 * extraction, retrieval, reference K/V, latents, denoising, decoding, guided upsampling, the page's own ink. The stages
 * and their facts are those of Cobra (arXiv 2504.12240 and its `app.py`).
 */
import type { RasterImage } from "../../binding/raster.js";
import { Tensor } from "../../binding/index.js";
import { toRgb } from "../../binding/pixels.js";
import type { Fill, Ink, Style } from "../../config/batch-config.js";
import { ValidationError } from "../../errors.js";
import type { ModelManifest } from "../../model/manifest.js";
import type { ModelPackage } from "../../model/package.js";
import type { Bucket } from "./buckets.js";
import type { ColorHint } from "./hint-squares.js";
import type { PageHints } from "../page/page-hints.js";
import type { DenoiserConditions, Networks } from "../model-runner.js";
import type { PageNoise } from "./page-noise.js";
import { upsampledSize } from "../tasks/network-pictures.js";
import type { PageTask, PreparedTile } from "../tasks/prepare-page.js";
import type { RunTask } from "../tasks/table.js";
import { pageResolution, type ChosenPatch, type ReferenceSet } from "./references.js";
import { QUADRANTS, retrievePatches, retrieveWhole } from "./retrieval.js";
import { Solver } from "./solver.js";

/** The stages a page reports, in order. */
export const PAGE_STAGES = [
  "prepare",
  "lines",
  "references",
  "encode",
  "denoise",
  "decode",
  "upsample",
  "ink",
] as const;
/** A stage of colouring a page. */
export type PageStage = (typeof PAGE_STAGES)[number];

/** One page to colour. */
export interface PageRequest {
  /** The page as decoded, gray or RGB. Its memory is given away: a large page's becomes the result's. */
  page: RasterImage;
  style: Style;
  /** Seed of all noise of the page. */
  seed: number;
  /** Denoising steps, >= 1; clamped to what the model is made for (`scheduler.maxSteps`). */
  steps: number;
  /** Reference patches a quadrant; clamped to the patches that exist. */
  topK: number;
  /** "page": the page's own size and ink, with the model's colour (default). "model": the model's own picture. */
  ink?: Ink;
  /**
   * With ink "page": "flat" gives every region that lines bound one colour, "model" keeps the model's shading. Default:
   * as the package's manifest says.
   */
  fill?: Fill | undefined;
  /** Colours put on the page as squares, in bucket pixels. Default: none. */
  hints?: readonly ColorHint[];
  /** Colours put on the page in its own pixels, as dots or as a picture; instead of `hints`. Default: none. */
  pageHints?: PageHints | undefined;
  /** With ink "page": colour and ink apart too, and the page. Default false. */
  layers?: boolean | undefined;
  /** Cancels between denoising steps and inside runs. */
  signal?: AbortSignal;
  /** Noise of another source than the seed (tests against given noise). */
  noise?: PageNoise;
  /** Told when a stage begins; while denoising, once a step. */
  onStage?: (stage: PageStage, step?: number, steps?: number) => void;
  /** Told values in between, by name (tests, debugging). */
  onValue?: (name: string, value: unknown) => void;
}

/** A coloured page. */
export interface PageResult {
  /**
   * With ink "page" at the page's size. With ink "model" the model's picture: `upsampler.scale` times the bucket, or
   * the bucket where the package has no upsampler.
   */
  image: RasterImage;
  /** Colour, ink (both RGB) and the page, at the page's size, where `layers` asks for them. */
  layers?: { color: RasterImage; ink: RasterImage; page: RasterImage };
  /** Page size of the model; of a page in tiles, the first one's. */
  bucket: Bucket;
  /** Parts that the page was coloured in: 1 for a page whose shape fits the model; see `tiling.ts`. */
  tiles: number;
  /** Reference patches that were used, in quadrant order, tile by tile. */
  references: readonly { quadrant: number; rank: number; label: string }[];
  /** Wall time of each stage. */
  stageMs: Record<PageStage, number>;
}

/** Colours one page. Rejects with the signal's reason when cancelled. */
export async function colorizePage(
  networks: Networks,
  references: ReferenceSet,
  runTask: RunTask,
  request: PageRequest,
): Promise<PageResult> {
  const { signal } = request;
  const { manifest } = networks.model;
  const upsampler = request.ink === "model" || manifest.upsampler?.pageInk !== false ? manifest.upsampler : null;
  const clock = new StageClock(request.onStage);
  signal?.throwIfAborted();
  clock.begin("prepare");
  const prepared = await runTask(
    "preparePage",
    {
      page: request.page,
      buckets: modelBuckets(networks.model),
      encoder: manifest.imageEncoder,
      keepPage: request.ink !== "model",
      hints: hintsOf(request),
      hintForm: manifest.hints,
    },
    signal,
  );
  const { tiles, plan } = prepared;
  let { page } = prepared;
  const context = { networks, references, runTask, clock, upsampler };
  const done: ColouredTile[] = [];
  for (const [index, tile] of tiles.entries())
    done.push(await colorizeTile(context, tile, ofTile(request, index, tiles.length)));
  let image = done[0]!.picture;
  if (plan !== undefined)
    ({ picture: image, page } = await runTask(
      "joinTiles",
      { page: page!, plan, pictures: done.map(({ picture }) => toRgb(picture)) },
      signal,
    ));
  let layers: PageResult["layers"];
  if (page && request.ink !== "model") {
    clock.begin("ink");
    const task = { page, picture: image, fill: request.fill ?? manifest.fill, hints: prepared.grownHints };
    if (request.layers === true) ({ image, ...layers } = await runTask("composeLayers", task, signal));
    else image = await runTask("composeInk", task, signal);
  }
  return {
    image,
    ...(layers === undefined ? {} : { layers }),
    bucket: tiles[0]!.bucket,
    tiles: tiles.length,
    references: done.flatMap((one) => one.references),
    stageMs: clock.end(),
  };
}

interface TileContext {
  networks: Networks;
  references: ReferenceSet;
  runTask: RunTask;
  clock: StageClock;
  /** The guided upsampler, where the page's picture goes through it. */
  upsampler: ModelManifest["upsampler"];
}

interface ColouredTile {
  /** The model's picture. */
  picture: RasterImage;
  references: PageResult["references"];
}

/** The request with steps counted over all tiles. */
function ofTile(request: PageRequest, index: number, count: number): PageRequest {
  const { onStage } = request;
  if (count === 1 || onStage === undefined) return request;
  return {
    ...request,
    onStage: (stage, step, steps) =>
      step === undefined || steps === undefined ? onStage(stage) : onStage(stage, index * steps + step, count * steps),
  };
}

/** Colours a page that fits the model, or one tile. */
async function colorizeTile(
  { networks, references, runTask, clock, upsampler }: TileContext,
  prepared: PreparedTile,
  request: PageRequest,
): Promise<ColouredTile> {
  const { style, signal } = request;
  const { manifest } = networks.model;
  const tell = request.onValue ?? (() => undefined);
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
  tell("line", conditions.line);

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
  tell("chosen", chosen);
  const lease = await references.keysAndValues(chosen, bucket, style, signal);
  let latent: Float32Array;
  try {
    clock.begin("encode");
    using lineLatent = await networks.encodeImage(conditions.linePlanes, width, height, noise.line, signal);
    using hintLatent = await networks.encodeImage(conditions.hintPlanes, width, height, noise.hint, signal);
    using hintMask = Tensor.from("float32", conditions.hintMask, [1, 1, latentDims[2], latentDims[3]]);
    using resolution = pageResolution(bucket);
    clock.begin("denoise");
    const fixed = { lineLatent, hintLatent, hintMask, resolution, referenceKv: lease.value };
    latent = await denoise(networks, fixed, noise.start, latentDims, request);
  } finally {
    lease.release();
  }
  tell("latent", latent);

  clock.begin("decode");
  const planes = await networks.decodeLatent(latent, latentDims, signal);
  const decoded = await runTask(
    "prepareDecoded",
    { planes, width, height, upsamplerScale: upsampler?.scale ?? null },
    signal,
  );
  tell("picture", decoded.picture);

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

/** A page's hints for a worker; a picture of hints is copied, since the caller may need it for other pages. */
function hintsOf({ hints, pageHints }: PageRequest): PageTask["hints"] {
  if (hints !== undefined && pageHints !== undefined)
    throw new ValidationError("ERR_ARGUMENT", "both hints and pageHints are given; give one of them");
  if (pageHints !== undefined)
    return { page: "data" in pageHints ? { ...pageHints, data: new Uint8Array(pageHints.data) } : pageHints };
  return hints === undefined || hints.length === 0 ? undefined : { squares: hints };
}

async function retrieve(
  networks: Networks,
  references: ReferenceSet,
  prepared: PreparedTile,
  request: PageRequest,
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
  networks: Networks,
  conditions: DenoiserConditions,
  start: Float32Array,
  dims: readonly number[],
  request: PageRequest,
): Promise<Float32Array> {
  const { scheduler, prediction } = networks.model.manifest;
  const steps = Math.min(request.steps, scheduler.maxSteps ?? request.steps);
  const solver = new Solver(steps, {
    predictionType: prediction,
    trainSteps: scheduler.trainTimesteps,
    betaStart: scheduler.betaStart,
    betaEnd: scheduler.betaEnd,
  });
  let latent = start;
  for (const [step, timestep] of solver.timesteps.entries()) {
    request.signal?.throwIfAborted();
    request.onStage?.("denoise", step + 1, steps);
    const output = await networks.denoise(latent, dims, timestep, conditions, request.style, request.signal);
    latent = solver.step(latent, output, step);
    request.onValue?.(`latent_${step}`, latent);
  }
  return latent;
}

/** The page sizes of a model. */
export function modelBuckets(model: ModelPackage): Bucket[] {
  return model.manifest.buckets.map(([width, height]) => ({ width, height }));
}

/** Times the stages of a page. */
class StageClock {
  readonly #ms = Object.fromEntries(PAGE_STAGES.map((stage) => [stage, 0])) as Record<PageStage, number>;
  #current: { stage: PageStage; since: number } | undefined;

  constructor(readonly onStage: PageRequest["onStage"]) {}

  begin(stage: PageStage): void {
    this.end();
    this.#current = { stage, since: performance.now() };
    if (stage !== "denoise") this.onStage?.(stage); // denoising reports itself, step by step
  }

  end(): Record<PageStage, number> {
    if (this.#current) this.#ms[this.#current.stage] += performance.now() - this.#current.since;
    this.#current = undefined;
    return this.#ms;
  }
}
