/** Settings of single pages over those of their job, and which references they take. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Job, PageOwnSettings } from "../../api/schemas.js";
import type { PictureSet } from "../data/store.js";
import { api, urls } from "../lib/api.js";
import { baseName } from "../lib/format.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import { Thumbnail } from "../parts/picture.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { withSetting } from "./draft-settings.js";
import { LOOK, SettingRows, type Values } from "./setting-rows.js";

interface FormProps {
  readonly job: Job;
  readonly set: PictureSet;
  readonly settings: PageOwnSettings;
  readonly onChange: (settings: PageOwnSettings) => void;
}

/** The form: looks, and which of the job's references are used. */
export function PageSettingsForm({ job, set, settings, onChange }: FormProps): JSX.Element {
  const { pageSettings: texts } = t.value;
  const references = set.all().filter((picture) => picture.role === "reference");
  const chosen = settings.references;
  const toggle = (id: string, on: boolean): void => {
    const now = new Set(chosen ?? references.map((one) => one.id));
    if (on) now.add(id);
    else now.delete(id);
    const all = references.every((one) => now.has(one.id));
    onChange(
      withSetting(settings, "references", all ? undefined : references.map(({ id }) => id).filter((id) => now.has(id))),
    );
  };
  return (
    <>
      <SettingRows
        keys={LOOK}
        values={settings as Values}
        under={job.settings as Values}
        onChange={(key, value) => onChange(withSetting(settings, key, value))}
      />
      {references.length > 0 && (
        <fieldset class="reference-choice">
          <legend>{texts.references}</legend>
          <p class="setting-help">{texts.referencesHelp}</p>
          <div class="reference-choice-tiles">
            {references.map((picture) => (
              <label key={picture.id} class="reference-tile" title={picture.name}>
                <input
                  type="checkbox"
                  checked={chosen === undefined || chosen.includes(picture.id)}
                  onChange={(event) => toggle(picture.id, event.currentTarget.checked)}
                />
                <Thumbnail src={urls.thumbnail(job.id, picture, 90)} />
                <span class="sr-only">{baseName(picture.name)}</span>
              </label>
            ))}
          </div>
        </fieldset>
      )}
    </>
  );
}

interface DialogProps {
  readonly job: Job;
  readonly set: PictureSet;
  readonly ids: readonly string[];
  readonly onClose: () => void;
}

/** Sets one or several pages. */
export function PageSettingsDialog({ job, set, ids, onClose }: DialogProps): JSX.Element {
  const settings = useSignal<PageOwnSettings>(set.get(ids[0]!)?.peek().settings ?? {});
  const action = useAction();
  const { pageSettings: texts } = t.value;
  return (
    <Dialog
      title={ids.length === 1 ? texts.titleOne(set.get(ids[0]!)?.peek().name ?? "") : texts.title(ids.length)}
      wide
      onClose={onClose}
    >
      <PageSettingsForm job={job} set={set} settings={settings.value} onChange={(next) => (settings.value = next)} />
      <ActionTrouble action={action} />
      <footer>
        <Button label={texts.likeJob} onClick={() => (settings.value = {})} />
        <Button
          kind="main"
          label={t.value.save}
          busy={action.busy.value}
          onClick={() =>
            void action
              .run(() => set.take(api.updatePictures(job.id, { ids, settings: settings.value })))
              .then((worked) => {
                if (worked) onClose();
              })
          }
        />
      </footer>
    </Dialog>
  );
}
