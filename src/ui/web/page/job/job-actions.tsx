/** Buttons for a job in its state: icons in a list, words on its own view. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Job } from "../../api/schemas.js";
import { hasFarm } from "../data/farm.js";
import { dropJob, takeJob } from "../data/store.js";
import { PriorityField } from "../farm/priority-field.js";
import { api, urls, type JobAction } from "../lib/api.js";
import { go, route } from "../lib/route.js";
import { Button, ButtonLink } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import type { Action } from "../parts/trouble.js";
import { t } from "../texts/texts.js";

interface JobActionsProps {
  readonly job: Job;
  /** Where its outcome is shown. */
  readonly action: Action;
  readonly compact?: boolean;
}

export function JobActions({ job, action, compact = false }: JobActionsProps): JSX.Element {
  const asking = useSignal<"cancel" | "remove" | undefined>(undefined);
  const { actions: texts } = t.value;
  const act = (name: JobAction, body: object = {}): void =>
    void action.run(async () => {
      const changed = await takeJob(api.act(job.id, name, body));
      if (name === "again") go({ view: "job", job: changed.id });
    });
  const { state } = job;
  const runs = state === "running" || state === "queued" || state === "paused" || state === "preview";
  const ended = state === "completed" || state === "failed" || state === "cancelled";
  const busy = action.busy.value;
  return (
    <>
      {hasFarm.value && !compact && !ended && !job.background && state !== "damaged" && (
        <PriorityField
          name={job.name}
          value={job.priority ?? 0}
          onChange={(priority) => action.run(() => takeJob(api.updateJob(job.id, { priority })))}
        />
      )}
      {job.result && (
        <ButtonLink
          label={ended ? texts.download : texts.downloadSoFar}
          icon="download"
          kind={compact || !ended ? "plain" : "main"}
          bare={compact}
          href={urls.archive(job.id)}
          download={job.result.name}
        />
      )}
      {(state === "running" || state === "queued") && (
        <Button label={texts.pause} icon="pause" bare={compact} busy={busy} onClick={() => act("pause")} />
      )}
      {state === "paused" && (
        <Button label={texts.resume} icon="play" bare={compact} kind="main" busy={busy} onClick={() => act("resume")} />
      )}
      {(state === "cancelled" || state === "failed") && job.progress.unfinished > 0 && (
        <Button label={texts.resume} icon="play" bare={compact} busy={busy} onClick={() => act("start")} />
      )}
      {ended && job.progress.failed > 0 && (
        <Button label={texts.retryFailed} icon="refresh" bare={compact} busy={busy} onClick={() => act("retry")} />
      )}
      {ended && <Button label={texts.again} icon="redo" bare={compact} busy={busy} onClick={() => act("again")} />}
      {runs && <Button label={texts.cancel} icon="stop" bare={compact} onClick={() => (asking.value = "cancel")} />}
      {!runs && <Button label={texts.remove} icon="trash" bare={compact} onClick={() => (asking.value = "remove")} />}
      {asking.value === "cancel" && (
        <Dialog title={texts.cancelTitle(job.name)} onClose={() => (asking.value = undefined)}>
          <p>{state === "running" ? texts.cancelText : texts.cancelKeeps}</p>
          <footer>
            {state === "running" && (
              <Button
                label={texts.cancelWaiting}
                onClick={() => {
                  asking.value = undefined;
                  act("cancel", { waitingOnly: true });
                }}
              />
            )}
            <Button
              kind="danger"
              label={texts.cancelAll}
              onClick={() => {
                asking.value = undefined;
                act("cancel", { waitingOnly: false });
              }}
            />
          </footer>
        </Dialog>
      )}
      {asking.value === "remove" && (
        <Dialog title={texts.removeTitle(job.name)} onClose={() => (asking.value = undefined)}>
          <p>{job.source.kind === "root" ? texts.removeTextRoot : texts.removeText}</p>
          <footer>
            <Button
              kind="danger"
              label={texts.removeAll}
              onClick={() => {
                asking.value = undefined;
                void action.run(async () => {
                  await api.removeJob(job.id);
                  if (route.peek().view !== "chapters") go({ view: "chapters" }, { replace: true });
                  dropJob(job.id);
                });
              }}
            />
          </footer>
        </Dialog>
      )}
    </>
  );
}
