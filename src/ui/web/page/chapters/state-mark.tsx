/** The state of a job in a word, with a mark of its colour. */
import type { JSX } from "preact";
import type { Job } from "../../api/schemas.js";
import { t } from "../texts/texts.js";

export function StateMark({ job }: { readonly job: Job }): JSX.Element {
  const partly = job.state === "completed" && job.progress.failed > 0;
  return (
    <span class={`state state-${partly ? "partly" : job.state}`}>
      {job.state === "draft" && job.scanning ? t.value.jobs.scanning : t.value.jobs.states[job.state]}
    </span>
  );
}
