/** The first view: a place to drop chapters, and all jobs. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { jobList, jobsLoaded } from "../data/store.js";
import { t } from "../texts/texts.js";
import type { Job } from "../../api/schemas.js";
import { DropZone } from "./drop-zone.js";
import { JobRow } from "./job-row.js";

const ACTIVE: readonly Job["state"][] = ["running", "preview", "paused", "queued"];

const byTime = (a: Job, b: Job): number => b.createdAt.localeCompare(a.createdAt);
const byTurn = (a: Job, b: Job): number =>
  ACTIVE.indexOf(a.state) - ACTIVE.indexOf(b.state) || (a.position ?? 0) - (b.position ?? 0) || byTime(a, b);

export function Chapters(): JSX.Element {
  const jobs = jobList.value;
  const active = jobs.filter((job) => ACTIVE.includes(job.state)).sort(byTurn);
  const drafts = jobs.filter((job) => job.state === "draft").sort(byTime);
  const ended = jobs.filter((job) => !ACTIVE.includes(job.state) && job.state !== "draft").sort(byTime);
  const { jobs: texts } = t.value;
  return (
    <>
      <h1 tabIndex={-1}>{texts.title}</h1>
      <DropZone small={jobs.length > 0} />
      {jobsLoaded.value && jobs.length === 0 && <p class="hint-text">{texts.none}</p>}
      <JobList title={texts.active} jobs={active} waiting={active.filter((job) => job.state === "queued").length} />
      <JobList title={texts.drafts} jobs={drafts} />
      <JobList title={texts.history} jobs={ended} />
    </>
  );
}

interface JobListProps {
  readonly title: string;
  readonly jobs: readonly Job[];
  /** Number of jobs that wait for their turn and can change places. */
  readonly waiting?: number;
}

function JobList({ title, jobs, waiting = 0 }: JobListProps): JSX.Element | null {
  const dragged = useSignal<string | undefined>(undefined);
  if (jobs.length === 0) return null;
  return (
    <section class="job-list" aria-label={title}>
      <h2>
        {title} <span class="count">{jobs.length}</span>
      </h2>
      <ul>
        {jobs.map((job) => (
          <JobRow key={job.id} job={job} waiting={waiting} dragged={dragged} />
        ))}
      </ul>
    </section>
  );
}
