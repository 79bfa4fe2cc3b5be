/** Jobs of the web server: on disk, in the queue, and as the API shows them. No requests or replies here. */
export { oneEngine, type JobColorizer } from "./job-colorizer.js";
export { JobStore } from "./job-store.js";
export { problemOf, statusOf } from "./problem.js";
export type * from "./types.js";
