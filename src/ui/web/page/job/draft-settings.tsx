/** Settings of a job that has not begun, saved as they change, and the buttons that begin it. */
import type { JSX } from "preact";
import { BackgroundSwitch } from "./background-switch.js";
import type { Job, JobSettings } from "../../api/schemas.js";
import { saveSettings, settingsSaved, takeJob } from "../data/store.js";
import { transfersOf } from "../data/uploads.js";
import { api } from "../lib/api.js";
import { Button } from "../parts/button.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { LOOK, OUTPUT, PREVIEW, SettingRows, type ShownSetting, type Values } from "./setting-rows.js";

/** The settings with one changed; undefined leaves it out. */
export function withSetting<T extends object>(settings: T, key: string, value: unknown): T {
  const { [key]: _old, ...rest } = settings as Record<string, unknown>;
  return (value === undefined ? rest : { ...rest, [key]: value }) as T;
}

export function DraftSettings({ job }: { readonly job: Job }): JSX.Element {
  const saving = useAction();
  const starting = useAction();
  const { settings: texts } = t.value;
  const change = (key: ShownSetting, value: unknown): void => {
    const settings = withSetting<JobSettings>(job.settings, key, value);
    void saving.run(() => saveSettings(job, settings));
  };
  const start = (preview: boolean): void =>
    void starting.run(async () => {
      if ((job.settings.preview ?? false) !== preview) {
        await saveSettings(job, withSetting<JobSettings>(job.settings, "preview", preview || undefined));
      } else {
        await settingsSaved(job.id);
      }
      await takeJob(api.act(job.id, "start"));
    });
  const values = job.settings as Values;
  const draft = job.state === "draft";
  const coming = transfersOf(job.id).length > 0;
  const why = coming
    ? texts.waitForFiles
    : job.scanning
      ? texts.waitForScan
      : job.counts.pages === 0
        ? texts.noPages
        : undefined;
  return (
    <>
      <h2>{texts.title}</h2>
      <SettingRows keys={LOOK} values={values} onChange={change} />
      <details>
        <summary>{texts.output}</summary>
        <SettingRows keys={OUTPUT} values={values} onChange={change} />
      </details>
      <details>
        <summary>{texts.preview}</summary>
        <SettingRows keys={PREVIEW} values={values} onChange={change} />
      </details>
      <ActionTrouble action={saving} />
      {draft && (
        <div class="start">
          <BackgroundSwitch job={job} action={saving} />
          {why !== undefined && <p class="hint-text">{why}</p>}
          {job.counts.references === 0 && job.counts.pages > 0 && <p class="doubt">{texts.noReferences}</p>}
          <div class="start-buttons">
            <Button
              label={texts.startPreview}
              icon="image"
              disabled={why !== undefined}
              busy={starting.busy.value}
              onClick={() => start(true)}
            />
            <Button
              kind="main"
              label={texts.start(job.counts.pages)}
              icon="play"
              disabled={why !== undefined}
              busy={starting.busy.value}
              onClick={() => start(false)}
            />
          </div>
          <ActionTrouble action={starting} />
        </div>
      )}
    </>
  );
}
