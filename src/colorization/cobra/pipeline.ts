/**
 * Runs one decoded page through its steps: it is prepared, and cut into tiles if its shape fits none of the model's
 * page sizes; each tile is coloured, the tiles are joined, and the page's own ink is laid over.
 */
import { toRgb } from "../../binding/pixels/pixels.js";
import { ValidationError } from "../../errors.js";
import { logContext } from "../../logging.js";
import type { ModelPackage } from "../../model/package.js";
import type { RasterImage } from "../../binding/raster.js";
import type { DeviceLane } from "../devices/device-lane.js";
import type { DeviceLanes } from "../devices/device-lanes.js";
import type { SharedPlanes } from "../networks/staging.js";
import type { EncoderInput } from "../tasks/network-pictures.js";
import { tileValues, type PageTask, type PreparedTile, type TilePlanes } from "../tasks/prepare-page.js";
import type { RunTask } from "../tasks/table.js";
import { nearestBucket, type Bucket } from "../../model/buckets.js";
import { colorizeTile, type ColorizedTile } from "./colorize-tile.js";
import { StageClock } from "./page-stages.js";
import type { RasterRequest, RasterResult } from "./raster-request.js";
import type { ReferenceSet } from "./references.js";

/**
 * Colours one page: each tile on a device that has room. Rejects with the signal's reason when cancelled.
 * @param sharedResult the page's picture may be in memory of the devices' planes, to be given back to them
 */
export async function colorizeRaster(
  lanes: DeviceLanes,
  model: ModelPackage,
  references: ReferenceSet,
  runTask: RunTask,
  request: RasterRequest,
  { sharedResult = false }: { readonly sharedResult?: boolean } = {},
): Promise<RasterResult> {
  const { signal } = request;
  const { manifest } = model;
  const upsampler = request.ink === "model" || manifest.upsampler?.pageInk !== false ? manifest.upsampler : null;
  const clock = new StageClock(request.onStage);
  signal?.throwIfAborted();
  clock.begin("prepare");
  const buckets = modelBuckets(model);
  const { imageEncoder: encoder } = manifest;
  const { width: pageWidth, height: pageHeight } = request.page;
  const prepared = await runTask(
    "preparePage",
    {
      page: request.page,
      buckets,
      encoder,
      planes: tilePlanes(lanes.planes, nearestBucket(pageWidth, pageHeight, buckets), encoder),
      // A tile that has to be coloured again is cut out again.
      keepPage: request.ink !== "model" || lanes.areSeveral,
      hints: hintsOf(request),
      hintForm: manifest.hints,
    },
    signal,
  );
  const { parts, plan, marks } = prepared;
  let { page, first: tile } = prepared;
  const done: ColorizedTile[] = [];
  for (const [index, part] of parts.entries()) {
    const cutOut = async (): Promise<PreparedTile> => {
      clock.begin("prepare");
      const own = marks?.[index];
      const tileMarks = own && lanes.areSeveral ? { ...own, data: own.data.slice() } : own;
      const planes = tilePlanes(lanes.planes, part.bucket, encoder);
      const task = { page: page!, part, encoder, marks: tileMarks, planes };
      ({ tile, page } = await runTask("prepareTile", task, signal));
      return tile;
    };
    // The first part comes with the page, unless its marks must stay for another attempt.
    const isThere = index === 0 && !(lanes.areSeveral && marks !== undefined);
    if (!isThere) tile = await cutOut();
    const ofThis = ofTile(request, index, parts.length);
    const { width, height } = part.bucket;
    const wanted = {
      name: request.name ?? logContext().page ?? "without a name",
      style: request.style,
      size: [width, height] as const,
      topK: request.topK,
      heldBytes: (lane: DeviceLane) => references.heldBytes(lane),
      signal,
    };
    done.push(
      await lanes.run(wanted, async (lane, isAgain) => {
        const cut = isAgain ? await cutOut() : tile;
        const device = lanes.areSeveral ? lane.name : undefined;
        clock.on(device);
        const asPlanes = plan === undefined && request.ink !== "model";
        const context = { lane, references, runTask, clock, upsampler, asPlanes };
        try {
          return await colorizeTile(context, cut, onDevice(ofThis, device));
        } finally {
          clock.on(undefined);
        }
      }),
    );
  }
  let picture = done[0]!.picture;
  if (plan !== undefined)
    ({ picture, page } = await runTask(
      "joinTiles",
      { page: page!, plan, pictures: done.map((tileDone) => toRgb(tileDone.picture as RasterImage)) },
      signal,
    ));
  let image = picture as RasterImage;
  let layers: RasterResult["layers"];
  if (page && request.ink !== "model") {
    clock.begin("ink");
    const task = { page, picture, fill: request.fill ?? manifest.fill, hints: prepared.grownHints };
    if (request.layers === true) ({ image, ...layers } = await runTask("composeLayers", task, signal));
    else {
      const into = sharedResult ? lanes.planes.takeBytes(3 * page.width * page.height) : undefined;
      image = await runTask("composeInk", { ...task, into }, signal);
    }
    if ("planes" in picture) lanes.planes.giveBack(picture.planes);
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

/** The request with steps that name the device. */
function onDevice(request: RasterRequest, device: string | undefined): RasterRequest {
  const { onStage } = request;
  if (device === undefined || onStage === undefined) return request;
  return { ...request, onStage: (stage, step, steps) => onStage(stage, step, steps, device) };
}

/** The request with steps counted over all tiles. */
function ofTile(request: RasterRequest, index: number, count: number): RasterRequest {
  const { onStage } = request;
  if (count === 1 || onStage === undefined) return request;
  return {
    ...request,
    onStage: (stage, step, steps, device) =>
      step === undefined || steps === undefined
        ? onStage(stage)
        : onStage(stage, index * steps + step, count * steps, ...(device === undefined ? [] : [device])),
  };
}

/** A page's hints for a worker; a picture of hints is copied, since the caller may need it for other pages. */
function hintsOf({ hints, pageHints }: RasterRequest): PageTask["hints"] {
  if (hints !== undefined && pageHints !== undefined)
    throw new ValidationError("ERR_ARGUMENT", "both hints and pageHints are given", { remedy: "give one of them" });
  if (pageHints !== undefined)
    return { page: "data" in pageHints ? { ...pageHints, data: new Uint8Array(pageHints.data) } : pageHints };
  return hints === undefined || hints.length === 0 ? undefined : { squares: hints };
}

/** Memory for the planes of a tile; given back when the networks have taken them. */
function tilePlanes(planes: SharedPlanes, bucket: Bucket, encoder: EncoderInput): TilePlanes {
  const { gray, line, query } = tileValues(bucket, encoder);
  return { gray: planes.takeBytes(gray), line: planes.take(line), query: planes.take(query) };
}

/** The page sizes of a model. */
export function modelBuckets(model: ModelPackage): Bucket[] {
  return model.manifest.buckets.map(([width, height]) => ({ width, height }));
}
