/**
 * The interface between the server and what colours its pages: the engine of this process, or the workers of a farm.
 * Both are asked alike; what one of them cannot do it says in `unavailable`, and refuses with a code.
 */
import type { ColorizedImage, ColorizeImageOptions } from "../../../colorization/colorize-image.js";
import type { Style } from "../../../config/batch-config.js";
import type { ServerInfo } from "../api/schemas.js";
import type { FarmControl } from "../farm/farm-control.js";
import type { JobColorizer } from "../jobs/job-colorizer.js";

/** A picture of lines. */
export interface PageLines {
  /** A PNG. */
  readonly bytes: Uint8Array;
  /** Changes with the model and the style. */
  readonly version: string;
}

/** What colours the server's pages. */
export interface Backend {
  /** Colours the pages of jobs. */
  readonly jobs: JobColorizer;
  /** What it cannot do, and why. */
  readonly unavailable: ServerInfo["unavailable"];
  /** Undefined for the engine of this process. */
  readonly farm: FarmControl | undefined;
  /** Folder of the model that was named, whose path is not told. */
  readonly namedDirectory: string | undefined;
  /**
   * What the model is and what it heeds, from its manifest.
   * @throws ModelError `ERR_MODEL_*`
   */
  model(): Promise<Pick<ServerInfo, "model" | "styles" | "ignored">>;
  /** Colours one picture, see `Engine.colorizeImage`. */
  colorizeImage(picture: Uint8Array, options: ColorizeImageOptions): Promise<ColorizedImage>;
  /** The lines of a page. @param style default: as the engine's own */
  lines(page: Uint8Array, name: string, style: Style | undefined): Promise<PageLines>;
  /** Waits for the pages in flight, then frees everything. */
  close(): Promise<void>;
}
