/** One chapter: put together as a draft, then watched, then looked at. What the state calls for stands first. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { BackgroundSwitch } from "./background-switch.js";
import type { Job } from "../../api/schemas.js";
import { jobOf, jobsLoaded, picturesOf, takeJob, type PictureSet } from "../data/store.js";
import { transfersOf } from "../data/uploads.js";
import { api } from "../lib/api.js";
import { duration, moment } from "../lib/format.js";
import { href } from "../lib/route.js";
import { announce } from "../parts/announce.js";
import { ProgressBar, shares } from "../parts/progress.js";
import { ActionTrouble, TroubleBox, useAction, type Action } from "../parts/trouble.js";
import { useTop } from "../parts/use-top.js";
import { StateMark } from "../chapters/state-mark.js";
import { t } from "../texts/texts.js";
import { ChapterReferences } from "./chapter-references.js";
import { DraftSettings } from "./draft-settings.js";
import { JobActions } from "./job-actions.js";
import { PreviewPanel } from "./preview-panel.js";
import { Results } from "./results.js";
import { Sorting } from "./sorting.js";
import { Unreadable } from "./unreadable.js";
import { InterruptedUploads, UploadProgress } from "./upload-progress.js";

export function JobPage({ id }: { readonly id: string }): JSX.Element {
  const job = jobOf(id);
  const action = useAction();
  useEffect(() => {
    document.title = job ? `${job.name} – cobra-batch` : "cobra-batch";
    return () => (document.title = "cobra-batch");
  }, [job?.name]);
  useAnnouncements(job);
  if (!job) {
    return (
      <>
        <h1 tabIndex={-1}>{jobsLoaded.value ? t.value.job.gone : t.value.job.reading}</h1>
        {jobsLoaded.value && (
          <p>
            <a href={href({ view: "chapters" })}>{t.value.job.back}</a>
          </p>
        )}
      </>
    );
  }
  const set = picturesOf(id);
  // One that has begun and waits again, such as after an approved preview, has results to look at.
  const editing = job.state === "draft" || (job.state === "queued" && job.startedAt === undefined);
  return (
    <>
      <JobHeader job={job} action={action} />
      <InterruptedUploads job={id} />
      {transfersOf(id).length > 0 && <UploadProgress job={id} />}
      <TroubleBox trouble={set.trouble.value} onRetry={() => void set.load()} />
      {job.warnings.length > 0 && (
        <ul class="warnings" aria-label={t.value.job.warnings}>
          {job.warnings.map((warning) => (
            <li key={warning} lang="en">
              {warning}
            </li>
          ))}
        </ul>
      )}
      {job.state === "damaged" ? null : editing ? (
        <Draft job={job} set={set} />
      ) : (
        <>
          {job.state === "preview" && <PreviewPanel job={job} set={set} />}
          <Results job={job} set={set} />
          {set.loaded.value && job.counts.pages > 0 && <ChapterReferences job={job} set={set} />}
          <Unreadable set={set} />
        </>
      )}
    </>
  );
}

function Draft({ job, set }: { readonly job: Job; readonly set: PictureSet }): JSX.Element {
  const columns = useTop<HTMLDivElement>();
  return (
    <div ref={columns} class="job-columns">
      <div class="job-main">
        <Sorting job={job} set={set} />
      </div>
      <aside class="job-side" aria-label={t.value.settings.title}>
        <DraftSettings job={job} />
      </aside>
    </div>
  );
}

function JobHeader({ job, action }: { readonly job: Job; readonly action: Action }): JSX.Element {
  const name = useSignal<string | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const { total, completed, failed } = job.progress;
  const texts = t.value;
  const ran = job.state !== "draft" && total > 0;
  const saveName = (): void => {
    const wanted = name.value?.trim();
    name.value = undefined;
    if (wanted && wanted !== job.name) void action.run(() => takeJob(api.updateJob(job.id, { name: wanted })));
  };
  return (
    <header class="job-header">
      <div class="job-title">
        <h1 tabIndex={-1}>
          <span class="sr-only">{job.name}</span>
          <input
            ref={input}
            aria-label={texts.job.name}
            readOnly={job.state === "damaged"}
            value={name.value ?? job.name}
            size={Math.max(8, (name.value ?? job.name).length)}
            spellcheck={false}
            onInput={(event) => (name.value = event.currentTarget.value)}
            onBlur={saveName}
            onKeyDown={(event) => {
              if (event.key === "Escape") name.value = undefined;
              if (event.key === "Enter" || event.key === "Escape") input.current?.blur();
            }}
          />
        </h1>
        <p class="job-facts">
          <StateMark job={job} />
          {ran && <span>{texts.jobs.pagesDone(completed, total)}</span>}
          {failed > 0 && <span class="bad">{texts.jobs.pagesFailed(failed)}</span>}
          {job.state === "running" && job.secondsLeft !== undefined && (
            <span>{texts.jobs.left(duration(job.secondsLeft, { rough: true }))}</span>
          )}
          {job.state === "queued" && job.position !== undefined && <span>{texts.job.turn(job.position)}</span>}
          <span class="when">{moment(job.endedAt ?? job.startedAt ?? job.createdAt)}</span>
        </p>
      </div>
      <div class="job-header-actions">
        {(job.state === "running" || job.state === "queued" || job.state === "paused") && (
          <BackgroundSwitch job={job} action={action} />
        )}
        <JobActions job={job} action={action} />
      </div>
      {ran && <ProgressBar label={texts.jobs.progressOf(job.name)} {...shares(job)} />}
      <TroubleBox trouble={job.problem} />
      <ActionTrouble action={action} />
    </header>
  );
}

/** Tells a screen reader how far the job is, and each change of its state. */
function useAnnouncements(job: Job | undefined): void {
  const state = job?.state;
  const done = (job?.progress.completed ?? 0) + (job?.progress.failed ?? 0);
  const first = useRef(true);
  useEffect(() => {
    if (!job) return;
    if (first.current) {
      first.current = false;
      return;
    }
    const { total, completed, failed } = job.progress;
    announce(t.value.job.announcement(t.value.jobs.states[job.state], completed, failed, total));
  }, [state, done]);
}
