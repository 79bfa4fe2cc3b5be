/** The id of a job, which several schemas name. */
import { z } from "zod";

/** A job's id: made by the server, fit for a URL and a file name. */
export const jobId = z
  .string()
  .regex(/^[0-9a-z]{8,32}$/, "must be the id of a job")
  .describe("id of the job");
