/** Pages of a job that has begun: as pictures that come, or as a table; failed ones with their reason. */
import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Job, PageOwnSettings, Picture, RedoSettings } from "../../api/schemas.js";
import { picturesOf, takeJob, type PictureSet } from "../data/store.js";
import { api, urls } from "../lib/api.js";
import { preference } from "../lib/preferences.js";
import { go } from "../lib/route.js";
import { Bar, Button, Segments } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import type { TileLook } from "../parts/grid-tile.js";
import { Thumbnail } from "../parts/picture.js";
import { Selection } from "../parts/selection.js";
import { TileGrid } from "../parts/tile-grid.js";
import { ActionTrouble, TroubleBox, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { tileWidth } from "./gallery.js";
import { PageSettingsForm } from "./page-settings.js";
import { PageTable } from "./page-table.js";
import { pageStatus } from "./page-status.js";
import { changesBetween, commonSettings, withChanges } from "./setting-changes.js";

const look = preference<"grid" | "table">("results-look", "grid");
const FILTERS = ["all", "completed", "failed", "open"] as const;
type Filter = (typeof FILTERS)[number];
const FAILURES_SHOWN = 2;

function passes(picture: Picture, filter: Filter): boolean {
  if (filter === "all") return true;
  if (filter === "open") return picture.state === "waiting" || picture.state === "processing";
  return picture.state === filter;
}

export function Results({ job, set }: { readonly job: Job; readonly set: PictureSet }): JSX.Element {
  const filter = useSignal<Filter>("all");
  const selecting = useSignal(false);
  const redoing = useSignal(false);
  const selection = useMemo(() => new Selection(), []);
  const section = useRef<HTMLElement>(null);
  const tiles = useMemo(() => tileLook(set), [set]);
  const groups = useComputed(() => {
    const pages = set.all().filter((picture) => picture.role === "page");
    return {
      pages,
      failed: pages.filter((picture) => picture.failure),
      processing: pages.filter((picture) => picture.state === "processing"),
    };
  });
  const { pages, failed, processing } = groups.value;
  // A filter whose last page has gone on, as when a chapter is done, would show nothing.
  const shown = pages.some((picture) => passes(picture, filter.value)) ? filter.value : "all";
  const ids = pages.filter((picture) => passes(picture, shown)).map((picture) => picture.id);
  const { results: texts } = t.value;
  const counts: Record<Filter, number> = {
    all: pages.length,
    completed: pages.filter((one) => passes(one, "completed")).length,
    failed: pages.filter((one) => passes(one, "failed")).length,
    open: pages.filter((one) => passes(one, "open")).length,
  };
  const open = (id: string): void => go({ view: "picture", job: job.id, picture: id });
  const chosen = selection.among(ids);
  if (!set.loaded.value) return <p class="hint-text busy">{t.value.gallery.reading}</p>;
  if (pages.length === 0) return <></>; // what is wrong with the chapter stands above
  return (
    <section ref={section} class="results" aria-label={texts.title}>
      {processing.length > 0 && (
        <ul class="now" aria-label={texts.now}>
          {processing.map((picture) => (
            <li key={picture.id}>
              <Thumbnail src={urls.thumbnail(job.id, picture, 72)} eager />
              <span>
                <span class="tile-name">{picture.name}</span>
                <span class="hint-text">{pageStatus(picture)}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      <Failures job={job} failed={failed} />
      <Bar label={texts.tools}>
        <Segments
          label={texts.show}
          value={shown}
          options={FILTERS.filter((one) => one === "all" || counts[one] > 0).map((value) => ({
            value,
            label: `${texts.filters[value]} ${counts[value]}`,
          }))}
          onChange={(value) => (filter.value = value)}
        />
        <Segments
          label={texts.look}
          value={look.value}
          options={[
            { value: "grid", label: texts.grid, icon: "grid" },
            { value: "table", label: texts.table, icon: "table" },
          ]}
          onChange={(value) => (look.value = value)}
        />
        {look.value === "grid" && pages.some((one) => one.result) && (
          <Button
            label={texts.select}
            icon="check"
            pressed={selecting.value}
            onClick={() => {
              selecting.value = !selecting.value;
              selection.clear();
            }}
          />
        )}
        {selecting.value && (
          <span class="selected-tools">
            <span class="selected-count" role="status">
              {t.value.gallery.selected(chosen.length)}
            </span>
            <Button
              label={texts.redo}
              icon="refresh"
              disabled={chosen.length === 0}
              onClick={() => (redoing.value = true)}
            />
          </span>
        )}
      </Bar>
      {look.value === "table" ? (
        <PageTable job={job} set={set} ids={ids} onOpen={open} />
      ) : (
        <TileGrid
          label={texts.title}
          ids={ids}
          selection={selection}
          tileWidth={tileWidth.value}
          captionHeight={24}
          openOnClick={!selecting.value}
          toggleOnClick
          look={tiles}
          onOpen={open}
        />
      )}
      {redoing.value && (
        <RedoDialog
          job={job}
          ids={chosen}
          onClose={() => (redoing.value = false)}
          onDone={() => {
            redoing.value = false;
            selecting.value = false;
            selection.clear();
          }}
          focusNext={() => section.current?.querySelector<HTMLElement>(".tile-grid")}
        />
      )}
    </section>
  );
}

function tileLook(set: PictureSet): TileLook {
  return {
    className: (id) => `result ${set.get(id)?.value.state ?? ""}`,
    nameOf: (id) => {
      const picture = set.get(id)?.value;
      return picture ? `${picture.name}, ${pageStatus(picture)}` : "";
    },
    draw: (id, widthPx) => <ResultTile set={set} id={id} widthPx={widthPx} />,
  };
}

interface TileProps {
  readonly set: PictureSet;
  readonly id: string;
  readonly widthPx: number;
}

function ResultTile({ set, id, widthPx }: TileProps): JSX.Element | null {
  const picture = set.get(id)?.value;
  if (!picture) return null;
  const { state, step, steps } = picture;
  return (
    <>
      <Thumbnail src={urls.thumbnail(set.job, picture, widthPx, "result")} />
      {state === "processing" && (
        <span class="tile-progress">
          <span style={{ width: `${step !== undefined && steps ? (step / steps) * 100 : 15}%` }} />
        </span>
      )}
      <span class="tile-caption">
        <span class="tile-name">{picture.name}</span>{" "}
        <span class={state === "completed" ? "sr-only" : `mark ${state}`}>{t.value.results.states[state]}</span>
      </span>
    </>
  );
}

function Failures({ job, failed }: { readonly job: Job; readonly failed: readonly Picture[] }): JSX.Element | null {
  const action = useAction();
  const all = useSignal(false);
  if (failed.length === 0) return null;
  const { results: texts } = t.value;
  const shown = all.value ? failed : failed.slice(0, FAILURES_SHOWN);
  return (
    <div class="failures">
      {shown.map((picture) => (
        <TroubleBox
          key={picture.id}
          trouble={{
            code: `${picture.name} · ${picture.failure!.code}`,
            detail: picture.failure!.message,
            remedy: picture.failure!.remedy,
          }}
          onRetry={
            job.state === "running" || job.state === "queued"
              ? undefined
              : () => void action.run(() => takeJob(api.act(job.id, "retry", { ids: [picture.id] })))
          }
        >
          <Button
            label={texts.open}
            icon="open"
            onClick={() => go({ view: "picture", job: job.id, picture: picture.id })}
          />
        </TroubleBox>
      ))}
      {failed.length > shown.length && (
        <Button label={texts.moreFailures(failed.length - shown.length)} onClick={() => (all.value = true)} />
      )}
      <ActionTrouble action={action} />
    </div>
  );
}

interface RedoProps {
  readonly job: Job;
  readonly ids: readonly string[];
  readonly onClose: () => void;
  /** Called in place of `onClose` once the pages are on their way. */
  readonly onDone: () => void;
  /** What has the focus then. */
  readonly focusNext: () => HTMLElement | null | undefined;
}

function RedoDialog({ job, ids, onClose, onDone, focusNext }: RedoProps): JSX.Element {
  const set = picturesOf(job.id);
  const own = useMemo(() => ids.map((id) => set.get(id)?.peek().settings ?? {}), []);
  const common = useMemo(() => commonSettings(own), []);
  const changes = useSignal<RedoSettings>({});
  const action = useAction();
  const { results: texts } = t.value;
  return (
    <Dialog title={texts.redoTitle(ids.length)} wide onClose={onClose} focusNext={focusNext}>
      <PageSettingsForm
        job={job}
        set={set}
        settings={withChanges(common, changes.value)}
        onChange={(next) =>
          (changes.value = { ...changes.value, ...changesBetween(withChanges(common, changes.value), next) })
        }
      />
      <ActionTrouble action={action} />
      <footer>
        <Button
          label={t.value.pageSettings.likeJob}
          onClick={() =>
            (changes.value = changesBetween(commonSettings([Object.assign({}, ...own) as PageOwnSettings]), {}))
          }
        />
        <Button
          kind="main"
          label={texts.redo}
          icon="refresh"
          busy={action.busy.value}
          onClick={() =>
            void action
              .run(() => api.redo(job.id, ids, changes.peek()))
              .then((worked) => {
                if (worked) onDone();
              })
          }
        />
      </footer>
    </Dialog>
  );
}
