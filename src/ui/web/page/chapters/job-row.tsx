/** A job in the list: what it is, how far it is, what can be done with it. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Job } from "../../api/schemas.js";
import { picturesOf, takeJob } from "../data/store.js";
import { transfersOf } from "../data/uploads.js";
import { api, urls } from "../lib/api.js";
import { duration, moment } from "../lib/format.js";
import { href } from "../lib/route.js";
import { Button } from "../parts/button.js";
import { JobActions } from "../job/job-actions.js";
import { UploadProgress } from "../job/upload-progress.js";
import { Thumbnail } from "../parts/picture.js";
import { ProgressBar, shares } from "../parts/progress.js";
import { ActionTrouble, TroubleBox, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { StateMark } from "./state-mark.js";

interface JobRowProps {
  readonly job: Job;
  readonly waiting: number;
  readonly dragged: Signal<string | undefined>;
}

const DRAG_TYPE = "application/x-cobra-job";

export function JobRow({ job, waiting, dragged }: JobRowProps): JSX.Element {
  const action = useAction();
  const { jobs: texts } = t.value;
  const place = job.state === "queued" ? job.position : undefined;
  const move = (id: string, position: number): void => void action.run(() => takeJob(api.updateJob(id, { position })));
  const { total, completed, failed } = job.progress;
  const started = job.state !== "draft" && total > 0;
  return (
    <li
      class={`job-row ${dragged.value === job.id ? "dragged" : ""}`}
      draggable={place !== undefined && waiting > 1}
      onDragStart={(event) => {
        dragged.value = job.id;
        event.dataTransfer?.setData(DRAG_TYPE, job.id);
      }}
      onDragEnd={() => (dragged.value = undefined)}
      onDragOver={(event) => {
        if (place !== undefined && dragged.value !== undefined) event.preventDefault();
      }}
      onDrop={(event) => {
        const id = event.dataTransfer?.getData(DRAG_TYPE);
        if (id && place !== undefined) move(id, place);
      }}
    >
      {job.cover !== undefined && (
        <span class="cover">
          <Thumbnail src={urls.cover(job.id, job.cover, coverVersion(job))} />
        </span>
      )}
      <div class="job-row-main">
        <a class="job-name" href={href({ view: "job", job: job.id })}>
          {job.name}
        </a>
        <p class="job-facts">
          <StateMark job={job} />
          {started && <span>{texts.pagesDone(completed, total)}</span>}
          {failed > 0 && <span class="bad">{texts.pagesFailed(failed)}</span>}
          {!started && job.counts.pages > 0 && <span>{texts.pages(job.counts.pages)}</span>}
          {job.state === "running" && job.secondsLeft !== undefined && (
            <span>{texts.left(duration(job.secondsLeft, { rough: true }))}</span>
          )}
          {job.background && <span>{texts.inBackground}</span>}
          <span class="when">{moment(job.endedAt ?? job.startedAt ?? job.createdAt)}</span>
        </p>
        {started && <ProgressBar label={texts.progressOf(job.name)} {...shares(job)} />}
        {(job.state === "running" || job.state === "preview") && <Latest job={job.id} />}
        {transfersOf(job.id).length > 0 && <UploadProgress job={job.id} />}
        <TroubleBox trouble={job.problem} />
        <ActionTrouble action={action} />
      </div>
      <div class="job-row-actions">
        {place !== undefined && waiting > 1 && (
          <>
            <Button
              label={texts.sooner}
              icon="up"
              bare
              disabled={place === 0}
              onClick={() => move(job.id, place - 1)}
            />
            <Button
              label={texts.later}
              icon="down"
              bare
              disabled={place >= waiting - 1}
              onClick={() => move(job.id, place + 1)}
            />
          </>
        )}
        <JobActions job={job} action={action} compact />
      </div>
    </li>
  );
}

/** Another one where the cover may have become another picture. */
const coverVersion = ({ endedAt = "", progress }: Job): string => `${endedAt}.${progress.completed}`;

const LATEST = 8;

/** Pages that were coloured last, and those in work, as small pictures. */
function Latest({ job }: { readonly job: string }): JSX.Element | null {
  const set = picturesOf(job);
  const pages = set.all().filter((one) => one.role === "page" && (one.result ?? one.state === "processing"));
  if (pages.length === 0) return null;
  return (
    <div class="latest">
      {pages.slice(-LATEST).map((picture) => (
        <Thumbnail key={picture.id} src={urls.thumbnail(job, picture, 64, "result")} />
      ))}
    </div>
  );
}
