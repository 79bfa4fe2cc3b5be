/**
 * What happens to one decoded page, in order: it is prepared, and cut into tiles if its shape fits none of the model's
 * page sizes; each tile is coloured, the tiles are joined, and the page's own ink is laid over.
 */
import { toRgb } from "../../binding/pixels/pixels.js";
import { ValidationError } from "../../errors.js";
import type { ModelPackage } from "../../model/package.js";
import type { Networks } from "../networks/networks.js";
import type { PageTask } from "../tasks/prepare-page.js";
import type { RunTask } from "../tasks/table.js";
import type { Bucket } from "../../model/buckets.js";
import { colorizeTile, type ColouredTile } from "./colorize-tile.js";
import { StageClock } from "./page-stages.js";
import type { RasterRequest, RasterResult } from "./raster-request.js";
import type { ReferenceSet } from "./references.js";

/** Colours one page. Rejects with the signal's reason when cancelled. */
export async function colorizeRaster(
  networks: Networks,
  references: ReferenceSet,
  runTask: RunTask,
  request: RasterRequest,
): Promise<RasterResult> {
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
  const { parts, plan, marks } = prepared;
  let { page, first: tile } = prepared;
  const context = { networks, references, runTask, clock, upsampler };
  const done: ColouredTile[] = [];
  for (const [index, part] of parts.entries()) {
    if (index > 0) {
      clock.begin("prepare");
      const task = { page: page!, part, encoder: manifest.imageEncoder, marks: marks?.[index] };
      ({ tile, page } = await runTask("prepareTile", task, signal));
    }
    done.push(await colorizeTile(context, tile, ofTile(request, index, parts.length)));
  }
  let image = done[0]!.picture;
  if (plan !== undefined)
    ({ picture: image, page } = await runTask(
      "joinTiles",
      { page: page!, plan, pictures: done.map(({ picture }) => toRgb(picture)) },
      signal,
    ));
  let layers: RasterResult["layers"];
  if (page && request.ink !== "model") {
    clock.begin("ink");
    const task = { page, picture: image, fill: request.fill ?? manifest.fill, hints: prepared.grownHints };
    if (request.layers === true) ({ image, ...layers } = await runTask("composeLayers", task, signal));
    else image = await runTask("composeInk", task, signal);
  }
  return {
    image,
    ...(layers === undefined ? {} : { layers }),
    bucket: parts[0]!.bucket,
    tiles: parts.length,
    references: done.flatMap((one) => one.references),
    stageMs: clock.end(),
  };
}

/** The request with steps counted over all tiles. */
function ofTile(request: RasterRequest, index: number, count: number): RasterRequest {
  const { onStage } = request;
  if (count === 1 || onStage === undefined) return request;
  return {
    ...request,
    onStage: (stage, step, steps) =>
      step === undefined || steps === undefined ? onStage(stage) : onStage(stage, index * steps + step, count * steps),
  };
}

/** A page's hints for a worker; a picture of hints is copied, since the caller may need it for other pages. */
function hintsOf({ hints, pageHints }: RasterRequest): PageTask["hints"] {
  if (hints !== undefined && pageHints !== undefined)
    throw new ValidationError("ERR_ARGUMENT", "both hints and pageHints are given; give one of them");
  if (pageHints !== undefined)
    return { page: "data" in pageHints ? { ...pageHints, data: new Uint8Array(pageHints.data) } : pageHints };
  return hints === undefined || hints.length === 0 ? undefined : { squares: hints };
}

/** The page sizes of a model. */
export function modelBuckets(model: ModelPackage): Bucket[] {
  return model.manifest.buckets.map(([width, height]) => ({ width, height }));
}
