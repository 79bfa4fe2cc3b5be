/** One page as pixels, before and after it is coloured. */
import type { RasterImage } from "../../binding/raster.js";
import type { Fill, Ink, Style } from "../../config/batch-config.js";
import type { PageHints } from "../page/page-hints.js";
import type { Bucket } from "../../model/buckets.js";
import type { ColorHint } from "./hint-squares.js";
import type { PageNoise } from "./page-noise.js";
import type { OnStage, PageStage } from "./page-stages.js";

/** One decoded page to colour. */
export interface RasterRequest {
  /** What messages call the page. Default: the page of the log's ids. */
  name?: string;
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
  /** Told when a stage begins; while denoising, once a step. */
  onStage?: OnStage;
}

/** What tests put into the pipeline and look at; no part of the public API. */
export interface ProbedRequest extends RasterRequest {
  /** Noise of another source than the seed. */
  noise?: PageNoise;
  /** Told values in between, by name. */
  onValue?: (name: string, value: unknown) => void;
}

/** A coloured page, before it is encoded. */
export interface RasterResult {
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
