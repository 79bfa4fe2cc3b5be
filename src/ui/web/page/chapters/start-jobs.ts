/** From files to jobs: one each for every archive, folder and set of loose pictures. */
import { goOnWith, send, type UploadFile } from "../data/uploads.js";
import { group } from "../data/dropped.js";
import { jobName } from "../data/job-name.js";
import { takeJob } from "../data/store.js";
import { api } from "../lib/api.js";
import { t } from "../texts/texts.js";

/**
 * Makes the jobs and begins to send their files. Files that a reload has cut off go on where they were.
 * @returns ids of the jobs
 */
export async function startJobs(files: readonly UploadFile[]): Promise<string[]> {
  const { rest, jobs } = goOnWith(files);
  const ids = [...jobs];
  for (const { name, files: inside } of group(rest, t.value.drop.looseName)) {
    const job = await takeJob(api.createJob({ name: jobName(name), source: { kind: "upload" } }));
    send(job.id, "input", inside);
    ids.push(job.id);
  }
  return ids;
}
