/** The tool for one page: picture in, references beside it, colour, compare. It is a job like any other. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { useDropTarget } from "../parts/use-drop-target.js";
import type { Job, Picture, RedoSettings } from "../../api/schemas.js";
import { chosenFiles, PICTURE_TYPES } from "../data/dropped.js";
import { jobName } from "../data/job-name.js";
import { jobOf, picturesOf, saveSettings, settingsSaved, takeJob, type PictureSet } from "../data/store.js";
import { send, transfersOf, type UploadFile } from "../data/uploads.js";
import { api, urls } from "../lib/api.js";
import { preference } from "../lib/preferences.js";
import { go, href } from "../lib/route.js";
import { Button, ButtonLink, FileButton, Segments } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { Thumbnail } from "../parts/picture.js";
import { ProgressBar } from "../parts/progress.js";
import { ActionTrouble, TroubleBox, useAction } from "../parts/trouble.js";
import { withSetting } from "../job/draft-settings.js";
import { changesBetween, withChanges } from "../job/setting-changes.js";
import { InterruptedUploads, UploadProgress } from "../job/upload-progress.js";
import { stageText } from "../job/page-status.js";
import { LOOK, SettingRows, type Values } from "../job/setting-rows.js";
import { t } from "../texts/texts.js";
import { Camera } from "../viewer/camera.js";
import { PaintTools } from "../viewer/paint-tools.js";
import { LOOKS, Stage, type Look } from "../viewer/picture-frame.js";
import { UsedReferences } from "../viewer/used-references.js";
import { saveHints, usePainter } from "../viewer/use-painter.js";

const last = preference<string | undefined>("one-page", undefined);

export function OnePage({ id }: { readonly id: string | undefined }): JSX.Element {
  const job = id === undefined ? undefined : jobOf(id);
  const known = last.value === undefined ? undefined : jobOf(last.value);
  useEffect(() => {
    if (job) last.value = job.id;
  }, [job?.id]);
  if (job) return <Tool key={job.id} job={job} set={picturesOf(job.id)} />;
  return <Start known={known} />;
}

/** Makes a job of one picture. */
async function begin(files: readonly UploadFile[]): Promise<void> {
  const [file] = files;
  if (!file) return;
  const name = jobName(file.path.replace(/\.[^.]+$/, ""));
  const job = await takeJob(api.createJob({ name, source: { kind: "upload" } }));
  send(job.id, "input", [file]);
  go({ view: "one-page", job: job.id });
}

function Start({ known }: { readonly known: Job | undefined }): JSX.Element {
  const action = useAction();
  const drop = useDropTarget((files) => void action.run(async () => begin(await files)));
  const { onePage: texts } = t.value;
  return (
    <>
      <h1 tabIndex={-1}>{texts.title}</h1>
      <section class={`drop-zone ${drop.over.value ? "over" : ""}`} aria-label={texts.drop} {...drop.events}>
        <Icon name="image" />
        <div class="drop-text">
          <p class="drop-title">{texts.drop}</p>
          <p class="hint-text">{texts.dropText}</p>
        </div>
        <div class="drop-actions">
          <FileButton
            label={texts.choose}
            icon="image"
            kind="main"
            accept={PICTURE_TYPES}
            multiple={false}
            onFiles={(list) => void action.run(() => begin(chosenFiles(list)))}
          />
          {known && <ButtonLink label={texts.last(known.name)} href={href({ view: "one-page", job: known.id })} />}
        </div>
        <ActionTrouble action={action} />
      </section>
    </>
  );
}

function Tool({ job, set }: { readonly job: Job; readonly set: PictureSet }): JSX.Element {
  const all = set.all();
  const page = all.find((one) => !one.added && one.role !== "unreadable");
  const unreadable = all.find((one) => one.role === "unreadable");
  const references = all.filter((one) => one.role === "reference" && one !== page);
  const making = useAction();
  // The one picture is the page, also where it is in colour: its lines are taken out first, as in Cobra's own app.
  useEffect(() => {
    if (page && page.role !== "page" && job.state === "draft")
      void making.run(() => set.take(api.updatePictures(job.id, { ids: [page.id], role: "page" })));
  }, [page?.id, page?.role]);
  const { onePage: texts } = t.value;
  return (
    <>
      <div class="one-page-head">
        <h1 tabIndex={-1}>{job.name}</h1>
        <ButtonLink label={texts.another} icon="add" href={href({ view: "one-page" })} />
      </div>
      <InterruptedUploads job={job.id} />
      {transfersOf(job.id).length > 0 && <UploadProgress job={job.id} />}
      <ActionTrouble action={making} />
      <TroubleBox trouble={set.trouble.value} onRetry={() => void set.load()} />
      <TroubleBox trouble={job.problem} />
      {unreadable?.failure && (
        <TroubleBox
          trouble={{
            code: unreadable.failure.code,
            detail: unreadable.failure.message,
            remedy: unreadable.failure.remedy,
          }}
        />
      )}
      {page?.role === "page" ? (
        <Desk job={job} set={set} page={page} references={references} />
      ) : (
        !unreadable && <p class="hint-text busy">{texts.reading}</p>
      )}
    </>
  );
}

interface DeskProps {
  readonly job: Job;
  readonly set: PictureSet;
  readonly page: Picture;
  readonly references: readonly Picture[];
}

function Desk({ job, set, page, references }: DeskProps): JSX.Element {
  const camera = useMemo(() => new Camera(), []);
  const look = useSignal<Look>(page.result ? "compare" : "original");
  const painting = useSignal(false);
  const action = useAction();
  const coloring = useAction();
  const { onePage: texts, viewer, paint } = t.value;
  const result = page.result ? urls.result(job.id, page) : undefined;
  const original = urls.original(job.id, page);
  const painter = usePainter(
    job.id,
    page,
    camera,
    () => (look.peek() === "original" || !result ? original : result),
    painting.value,
  );
  useEffect(() => {
    if (page.result && !painting.peek()) look.value = "compare";
  }, [page.result?.version]);
  const options = LOOKS.filter((one) => (one === "compare" || one === "result" ? result : true));
  const settings = job.settings;
  const begun = job.state !== "draft";
  const working = page.state === "processing" || page.state === "waiting";
  const addReferences = (files: readonly UploadFile[]): void => send(job.id, "reference", files);
  const drop = useDropTarget((files) => void action.run(async () => addReferences(await files)));
  const remove = (id: string): void =>
    void action.run(async () => {
      await api.removeReference(job.id, id);
      await set.load();
    });
  const own = page.settings ?? {};
  const changes = useSignal<RedoSettings>({});
  const colorize = (): void =>
    void coloring.run(async () => {
      const sent: RedoSettings = begun ? { ...changes.peek() } : {};
      if (painter?.drawing.changed.peek()) {
        const saved = painter.drawing.saving();
        sent.hints = (await saveHints(job.id, page.id, painter.drawing)) ?? null;
        saved();
      }
      if (begun) {
        await api.redo(job.id, [page.id], sent);
        changes.value = {};
        return;
      }
      await set.take(api.updatePictures(job.id, { ids: [page.id], settings: withChanges(own, sent) }));
      await settingsSaved(job.id);
      await takeJob(api.act(job.id, "start"));
    });
  const changeSetting = (key: string, value: unknown): void => {
    if (begun) {
      const next = withSetting(withChanges(own, changes.value), key, value);
      changes.value = { ...changes.value, ...changesBetween(withChanges(own, changes.value), next) };
      return;
    }
    const changed = withSetting(settings, key, value);
    void action.run(() => saveSettings(job, changed));
  };
  return (
    <div class="desk">
      <div class="desk-stage">
        <div class="desk-bar">
          <Segments
            label={viewer.look}
            value={options.includes(look.value) ? look.value : "original"}
            options={options.map((value) => ({ value, label: viewer.looks[value] }))}
            onChange={(value) => (look.value = value)}
          />
          <Button
            label={paint.title}
            icon="brush"
            pressed={painting.value}
            onClick={() => {
              painting.value = !painting.value;
              if (painting.value && look.value === "compare") look.value = "result";
            }}
          />
          <span class="zoom" role="group" aria-label={viewer.zoom}>
            <Button label={viewer.smaller} icon="minus" bare onClick={() => camera.zoomBy(0.8)} />
            <Button label={`${Math.round(camera.zoom.value * 100)} %`} onClick={() => camera.zoomTo(1)} />
            <Button label={viewer.larger} icon="add" bare onClick={() => camera.zoomBy(1.25)} />
            <Button label={viewer.fit} icon="fit" bare onClick={() => camera.fit()} />
          </span>
        </div>
        <Stage
          label={viewer.stage(page.name)}
          width={page.width ?? 1000}
          height={page.height ?? 1400}
          camera={camera}
          look={look.value}
          original={original}
          result={result}
          lines={urls.lines(job.id, page.id)}
          painter={painter}
          onKey={() => false}
        />
      </div>
      <aside class="desk-side" aria-label={t.value.settings.title}>
        <section
          class={`desk-references ${drop.over.value ? "over" : ""}`}
          aria-label={t.value.gallery.references}
          {...drop.events}
        >
          <h2>
            {t.value.gallery.references} <span class="count">{references.length}</span>
          </h2>
          {references.length === 0 && <p class="setting-help">{texts.noReferences}</p>}
          <ul class="desk-reference-list">
            {references.map((one) => (
              <li key={one.id}>
                <Thumbnail src={urls.thumbnail(job.id, one, 96)} alt={one.name} />
                <Button label={texts.removeReference(one.name)} icon="close" bare onClick={() => remove(one.id)} />
              </li>
            ))}
          </ul>
          <FileButton
            label={t.value.gallery.addReferences}
            icon="add"
            accept={PICTURE_TYPES}
            onFiles={(list) => addReferences(chosenFiles(list))}
          />
          <ActionTrouble action={action} />
        </section>
        {painter && (
          <section aria-label={paint.title}>
            <h2>{paint.title}</h2>
            <PaintTools painter={painter} job={job.id} references={references} />
          </section>
        )}
        <details open={!painter && !begun}>
          <summary>{t.value.settings.title}</summary>
          <SettingRows
            keys={LOOK}
            values={(begun ? withChanges(own, changes.value) : settings) as Values}
            {...(begun ? { under: settings as Values } : {})}
            onChange={changeSetting}
          />
        </details>
        <div class="desk-go">
          {page.failure && (
            <TroubleBox
              trouble={{ code: page.failure.code, detail: page.failure.message, remedy: page.failure.remedy }}
            />
          )}
          {working && begun && (
            <div class="panel-progress" role="status">
              <p>{stageText(page) || t.value.results.states[page.state]}</p>
              <ProgressBar
                label={t.value.results.states[page.state]}
                {...(page.step !== undefined && page.steps ? { done: page.step / page.steps } : {})}
              />
            </div>
          )}
          <Button
            kind="main"
            label={page.result ? texts.again : texts.colorize}
            icon="play"
            disabled={transfersOf(job.id).length > 0 || job.scanning}
            busy={coloring.busy.value || (working && begun)}
            onClick={colorize}
          />
          {page.result && (
            <ButtonLink
              label={t.value.download.picture}
              icon="download"
              href={urls.download(job.id, page)}
              download={page.result.name}
            />
          )}
          <ActionTrouble action={coloring} />
        </div>
        <UsedReferences job={job} picture={page} references={references} />
      </aside>
    </div>
  );
}
