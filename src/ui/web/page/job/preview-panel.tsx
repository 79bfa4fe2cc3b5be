/** The first pages, coloured: compare, approve, choose a seed, or try other settings. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Job, JobSettings, Picture } from "../../api/schemas.js";
import { takeJob, type PictureSet } from "../data/store.js";
import { api, urls } from "../lib/api.js";
import { go, href } from "../lib/route.js";
import { Button } from "../parts/button.js";
import { Compare } from "../parts/compare.js";
import { Thumbnail } from "../parts/picture.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { withSetting } from "./draft-settings.js";
import { LOOK, PREVIEW, SettingRows, type Values } from "./setting-rows.js";

export function PreviewPanel({ job, set }: { readonly job: Job; readonly set: PictureSet }): JSX.Element {
  const action = useAction();
  const settings = useSignal<JobSettings | undefined>(undefined);
  const seed = useSignal<number | undefined>(undefined);
  const { preview: texts } = t.value;
  const pages = (job.preview?.pages ?? []).flatMap((id) => set.get(id)?.value ?? []);
  const seeds = job.preview?.seeds ?? [];
  const several = seeds.length > pages.length;
  return (
    <section class="preview" aria-label={texts.title}>
      <div class="preview-head">
        <div>
          <h2>{texts.title}</h2>
          <p class="hint-text">{several ? texts.textSeeds : texts.text}</p>
        </div>
        <div class="preview-actions">
          <Button
            label={texts.reject}
            icon="settings"
            pressed={settings.value !== undefined}
            onClick={() => (settings.value = settings.value ? undefined : { ...job.settings })}
          />
          <Button
            kind="main"
            label={seed.value === undefined ? texts.approve : texts.approveSeed(seed.value)}
            icon="check"
            busy={action.busy.value}
            onClick={() =>
              void action.run(() =>
                takeJob(api.act(job.id, "approve", seed.value === undefined ? {} : { seed: seed.value })),
              )
            }
          />
        </div>
      </div>
      <ActionTrouble action={action} />
      {settings.value && (
        <div class="card">
          <SettingRows
            keys={[...LOOK, ...PREVIEW]}
            values={settings.value as Values}
            onChange={(key, value) => (settings.value = withSetting<JobSettings>(settings.value ?? {}, key, value))}
          />
          <Button
            kind="main"
            label={texts.again}
            icon="refresh"
            busy={action.busy.value}
            onClick={() =>
              void action
                .run(() => takeJob(api.act(job.id, "reject", { settings: settings.peek() ?? {} })))
                .then((worked) => {
                  if (worked) settings.value = undefined;
                })
            }
          />
        </div>
      )}
      {several ? (
        pages.map((page) => (
          <Seeds
            key={page.id}
            job={job.id}
            page={page}
            seeds={seeds.filter((one) => one.page === page.id).map((one) => one.seed)}
            chosen={seed.value}
            onChoose={(chosen) => (seed.value = chosen)}
          />
        ))
      ) : (
        <div class="preview-pages">
          {pages.map((page) => (
            <figure key={page.id} style={{ "--aspect": String((page.width ?? 3) / (page.height ?? 4)) }}>
              <Compare
                label={texts.compare(page.name)}
                before={urls.original(job.id, page)}
                after={urls.result(job.id, page)}
                width={page.result?.width ?? page.width ?? 3}
                height={page.result?.height ?? page.height ?? 4}
              />
              <figcaption>
                <a href={href({ view: "picture", job: job.id, picture: page.id })}>{page.name}</a>
                <Button
                  label={texts.closer}
                  icon="open"
                  onClick={() => go({ view: "picture", job: job.id, picture: page.id })}
                />
              </figcaption>
            </figure>
          ))}
        </div>
      )}
    </section>
  );
}

interface SeedsProps {
  readonly job: string;
  readonly page: Picture;
  readonly seeds: readonly number[];
  readonly chosen: number | undefined;
  readonly onChoose: (seed: number) => void;
}

function Seeds({ job, page, seeds, chosen, onChoose }: SeedsProps): JSX.Element {
  const { preview: texts } = t.value;
  return (
    <fieldset class="seeds" style={{ "--aspect": String((page.width ?? 3) / (page.height ?? 4)) }}>
      <legend>{page.name}</legend>
      {seeds.map((seed) => (
        <label key={seed} class={`seed ${seed === chosen ? "chosen" : ""}`}>
          <input type="radio" name={`seed-${page.id}`} checked={seed === chosen} onChange={() => onChoose(seed)} />
          <Thumbnail src={urls.preview(job, page.id, seed)} />
          <span>{texts.seed(seed)}</span>
        </label>
      ))}
    </fieldset>
  );
}
