/** Beside the page: what failed, painting, settings to do it again, which references were used, what to take away. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Job, Picture, RedoSettings } from "../../api/schemas.js";
import type { PictureSet } from "../data/store.js";
import { api } from "../lib/api.js";
import { PageSettingsForm } from "../job/page-settings.js";
import { stageText } from "../job/page-status.js";
import { changesBetween, withChanges } from "../job/setting-changes.js";
import { Button } from "../parts/button.js";
import { ProgressBar } from "../parts/progress.js";
import { ActionTrouble, TroubleBox, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { PaintTools } from "./paint-tools.js";
import type { Painter } from "./painter.js";
import { Takeaway } from "./downloads.js";
import { UsedReferences } from "./used-references.js";
import { saveHints } from "./use-painter.js";

interface SidePanelProps {
  readonly job: Job;
  readonly set: PictureSet;
  readonly picture: Picture;
  readonly painter: Painter | undefined;
}

export function SidePanel({ job, set, picture, painter }: SidePanelProps): JSX.Element {
  const changes = useSignal<RedoSettings>({});
  const action = useAction();
  const moving = useAction();
  const { viewer: texts } = t.value;
  const references = set.all().filter((one) => one.role === "reference");
  const begun = job.state !== "draft" && job.state !== "queued";
  const isPage = picture.role === "page";
  const own = picture.settings ?? {};
  const edited = withChanges(own, changes.value);
  const apply = (): void =>
    void action.run(async () => {
      const sent: RedoSettings = { ...changes.peek() };
      if (painter?.drawing.changed.peek()) {
        const saved = painter.drawing.saving();
        sent.hints = (await saveHints(job.id, picture.id, painter.drawing)) ?? null;
        saved();
      }
      if (begun) await api.redo(job.id, [picture.id], sent);
      else await set.take(api.updatePictures(job.id, { ids: [picture.id], settings: withChanges(own, sent) }));
      changes.value = {};
    });
  const working = picture.state === "processing" || picture.state === "waiting";
  const role = (to: "page" | "reference" | "inColor"): void =>
    void moving.run(() => set.take(api.updatePictures(job.id, { ids: [picture.id], role: to })));
  return (
    <>
      {picture.failure && (
        <TroubleBox
          trouble={{
            code: picture.failure.code,
            detail: picture.failure.message,
            remedy: picture.failure.remedy,
          }}
        />
      )}
      {begun && working && (
        <div class="panel-progress" role="status">
          <p>{stageText(picture) || t.value.results.states[picture.state]}</p>
          <ProgressBar
            label={t.value.results.states[picture.state]}
            {...(picture.step !== undefined && picture.steps ? { done: picture.step / picture.steps } : {})}
          />
        </div>
      )}
      {isPage && painter && (
        <section aria-label={t.value.paint.title}>
          <h2>{t.value.paint.title}</h2>
          <p class="setting-help">{t.value.paint.help}</p>
          <PaintTools painter={painter} job={job.id} references={references} />
        </section>
      )}
      {isPage && (
        <section aria-label={texts.again}>
          {!painter && (
            <details open={!begun || picture.failure !== undefined}>
              <summary>{begun ? texts.again : texts.own}</summary>
              <PageSettingsForm
                job={job}
                set={set}
                settings={edited}
                onChange={(next) => (changes.value = { ...changes.value, ...changesBetween(edited, next) })}
              />
            </details>
          )}
          <div class="panel-apply">
            <Button
              kind="main"
              label={begun ? texts.redo : t.value.save}
              icon={begun ? "refresh" : "check"}
              busy={action.busy.value}
              onClick={apply}
            />
            {begun && job.state === "running" && <p class="setting-help">{texts.redoWaits}</p>}
          </div>
          <ActionTrouble action={action} />
        </section>
      )}
      {!begun && picture.role !== "unreadable" && (
        <section aria-label={texts.use}>
          <h2>{texts.use}</h2>
          <div class="panel-apply">
            {(["page", "reference", "inColor"] as const)
              .filter((to) => to !== picture.role)
              .map((to) => (
                <Button key={to} label={t.value.gallery.moveTo[to]} busy={moving.busy.value} onClick={() => role(to)} />
              ))}
          </div>
          <ActionTrouble action={moving} />
        </section>
      )}
      {picture.result && (
        <>
          <UsedReferences job={job} picture={picture} references={references} />
          <Takeaway job={job} picture={picture} />
        </>
      )}
    </>
  );
}
