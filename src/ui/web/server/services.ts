/** Services that the routes use. */
import type { Jobs } from "../jobs/types.js";
import type { Backend } from "./backend.js";
import type { DiskSpace } from "./disk-space.js";
import type { EventStreams } from "./event-streams.js";
import type { ServerLimits } from "./limits.js";
import type { LayeredPages } from "./layered-page.js";
import type { LineArt } from "./line-art.js";
import type { Redactor } from "./redactor.js";
import type { Thumbnails } from "./thumbnails.js";
import type { Uploads } from "./uploads.js";

/** Everything that answers requests. */
export interface Services {
  readonly jobs: Jobs;
  readonly backend: Backend;
  readonly events: EventStreams;
  readonly uploads: Uploads;
  readonly space: DiskSpace;
  readonly thumbnails: Thumbnails;
  readonly lineArt: LineArt;
  readonly layeredPages: LayeredPages;
  readonly redactor: Redactor;
  readonly limits: ServerLimits;
  /** Folder where files of a form lie until they are complete. */
  readonly uploadFolder: string;
  /** Folder of the built page. */
  readonly page: string;
}
