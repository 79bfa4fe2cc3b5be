/** A chapter in the farm's queue, whoever submitted it. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { FarmChapter } from "../../api/farm.js";
import { farm, takeFarm } from "../data/farm.js";
import { takeJob } from "../data/store.js";
import { api } from "../lib/api.js";
import { baseName, moment } from "../lib/format.js";
import { href } from "../lib/route.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import { ProgressBar } from "../parts/progress.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { sentence } from "../lib/sentence.js";
import { t } from "../texts/texts.js";
import { PriorityField } from "./priority-field.js";

interface ChapterRowProps {
  readonly chapter: FarmChapter;
  readonly connected: boolean;
}

export function ChapterRow({ chapter, connected }: ChapterRowProps): JSX.Element {
  const { id, name, job, state, pages, left, done, failed, pagesPerMinute, priority, reason, remedy, failures } =
    chapter;
  const { farm: texts, jobs, actions } = t.value;
  const action = useAction();
  const asking = useSignal(false);
  const shown = baseName(name);
  const inWork =
    state === "waiting" && farm.value?.nodes.some((node) => node.working.some((one) => one.chapter === name));
  const prioritize = (wanted: number): Promise<boolean> =>
    action.run(async () => {
      if (job === undefined) await takeFarm(api.prioritizeChapter(id, wanted));
      else await takeJob(api.updateJob(job, { priority: wanted }));
    });
  const cancel = (): void =>
    void action.run(async () => {
      if (job === undefined) await takeFarm(api.cancelChapter(id));
      else await takeJob(api.act(job, "cancel", { waitingOnly: true }));
    });
  return (
    <li class="job-row">
      <div class="job-row-main">
        {job === undefined ? (
          <span class="job-name" title={name}>
            {shown}
          </span>
        ) : (
          <a class="job-name" href={href({ view: "job", job })}>
            {shown}
          </a>
        )}
        <p class="job-facts">
          <span class={`state state-${inWork ? "running" : MARKS[state]}`}>
            {inWork ? jobs.states.running : texts.chapterStates[state]}
          </span>
          <span>{jobs.pagesDone(done, pages)}</span>
          {failed > 0 && <span class="bad">{jobs.pagesFailed(failed)}</span>}
          {job !== undefined && <span>{texts.waiting(left)}</span>}
          {pagesPerMinute > 0 && <span>{texts.perMinute(pagesPerMinute)}</span>}
          <span>{chapter.model}</span>
          <span class="when">{moment(chapter.submittedAt)}</span>
        </p>
        <ProgressBar label={jobs.progressOf(shown)} done={pages === 0 ? 0 : (done + failed) / pages} />
        {reason !== undefined && <p class="bad">{sentence(reason)}</p>}
        {failures !== undefined && (
          <ul class="page-failures">
            {failures.map(({ page, message }) => (
              <li key={page}>
                <strong>{page}</strong> {sentence(message)}
              </li>
            ))}
          </ul>
        )}
        {remedy !== undefined && <p class="hint-text">{sentence(remedy)}</p>}
        <ActionTrouble action={action} />
      </div>
      <div class="job-row-actions">
        {state !== "failed" && state !== "assembling" && priority >= 0 && (
          <PriorityField name={shown} value={priority} disabled={!connected} onChange={prioritize} />
        )}
        {job === undefined && (state === "waiting" || state === "paused") && farm.value?.paused !== true && (
          <Button
            label={state === "paused" ? actions.resume : actions.pause}
            icon={state === "paused" ? "play" : "pause"}
            bare
            busy={action.busy.value}
            disabled={!connected}
            onClick={() => void action.run(() => takeFarm(api.pauseChapter(id, state === "waiting")))}
          />
        )}
        {state === "failed" && (
          <Button
            label={actions.retryFailed}
            icon="refresh"
            bare
            busy={action.busy.value}
            disabled={!connected}
            onClick={() => void action.run(() => takeFarm(api.retryChapter(id)))}
          />
        )}
        <Button
          label={actions.cancel}
          icon="stop"
          bare
          busy={action.busy.value}
          disabled={!connected}
          onClick={() => (asking.value = true)}
        />
      </div>
      {asking.value && (
        <Dialog title={actions.cancelTitle(shown)} onClose={() => (asking.value = false)}>
          <p>{texts.cancelText}</p>
          <footer>
            <Button
              kind="danger"
              label={actions.cancel}
              onClick={() => {
                asking.value = false;
                cancel();
              }}
            />
          </footer>
        </Dialog>
      )}
    </li>
  );
}

const MARKS = { waiting: "queued", paused: "paused", assembling: "running", failed: "failed" } as const;
