/** The line art of a page, as the denoiser gets it: to look at, before or beside colouring. */
import type { RasterImage } from "../binding/raster.js";
import type { Style } from "../config/batch-config.js";
import { nearestBucket } from "../model/buckets.js";
import { modelBuckets } from "./cobra/pipeline.js";
import type { Networks } from "./networks/networks.js";
import type { RunTask } from "./tasks/table.js";

/**
 * Extracts the lines of a page, which is looked at as a whole: a strip or spread is not cut into tiles.
 * @param page moves to a worker and is empty afterwards
 * @returns gray, at the page size of the model that is nearest
 */
export async function extractPageLines(
  networks: Networks,
  runTask: RunTask,
  page: RasterImage,
  style: Style,
  signal: AbortSignal,
): Promise<RasterImage> {
  const { manifest } = networks.model;
  const { width, height } = page;
  const part = {
    tile: { x: 0, y: 0, width, height },
    bucket: nearestBucket(width, height, modelBuckets(networks.model)),
  };
  const { tile } = await runTask(
    "prepareTile",
    { page, part, encoder: manifest.imageEncoder, marks: undefined },
    signal,
  );
  const lineRaw = await networks.extractLines(tile.lineInput, signal);
  const { gray } = tile;
  const { downscale: latentDownscale } = manifest.latent;
  const { line } = await runTask(
    "prepareConditions",
    { gray, lineRaw, style, marks: undefined, latentDownscale, keepLine: true },
    signal,
  );
  networks.planes.giveBack(lineRaw.data);
  return line!;
}
