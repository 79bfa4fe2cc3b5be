/** Shows a chapter's pictures, sorted into pages and references, and the files that are ignored. */
import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Job, Picture, PictureRole } from "../../api/schemas.js";
import { bringsFiles, chosenFiles, droppedFiles, INPUT_TYPES } from "../data/dropped.js";
import type { PictureSet } from "../data/store.js";
import { send, transfersOf, type UploadFile } from "../data/uploads.js";
import { api } from "../lib/api.js";
import { go } from "../lib/route.js";
import { Bar, Button, FileButton } from "../parts/button.js";
import { Icon, type IconName } from "../parts/icon.js";
import { Selection } from "../parts/selection.js";
import { DRAG_TYPE } from "../parts/grid-tile.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { Gallery, tileWidth } from "./gallery.js";
import { PageSettingsDialog } from "./page-settings.js";
import { Unreadable } from "./unreadable.js";

type SortRole = Exclude<PictureRole, "unreadable">;

/** Unsure ones first, since they want a look; then pages in the chapter's order, references the surest first. */
function sorted(pictures: readonly Picture[], role: PictureRole): string[] {
  const those = pictures.filter((picture) => picture.role === role);
  const doubt = (picture: Picture): number => (picture.unsure && picture.role === picture.suggested ? 0 : 1);
  const byConfidence = (a: Picture, b: Picture): number => b.confidence - a.confidence;
  return those
    .sort(
      (a, b) => doubt(a) - doubt(b) || (role === "page" ? 0 : Number(b.added) - Number(a.added) || byConfidence(a, b)),
    )
    .map((picture) => picture.id);
}

export function Sorting({ job, set }: { readonly job: Job; readonly set: PictureSet }): JSX.Element {
  const groups = useComputed(() => {
    const all = set.all();
    return {
      page: sorted(all, "page"),
      reference: sorted(all, "reference"),
      inColor: sorted(all, "inColor"),
      unreadable: all.filter((picture) => picture.role === "unreadable"),
    };
  });
  const { page, reference, inColor, unreadable } = groups.value;
  const { gallery } = t.value;
  if (!set.loaded.value || (job.scanning && set.ids.value.length === 0))
    return <p class="hint-text busy">{gallery.reading}</p>;
  const nothing = page.length + reference.length + inColor.length + unreadable.length === 0;
  if (nothing)
    return (
      <div class="empty">
        <Icon name="image" />
        <p>{transfersOf(job.id).length > 0 ? gallery.coming : gallery.nothing}</p>
        {/* An archive that cannot be used takes no pictures beside it; what to do stands above. */}
        {transfersOf(job.id).length === 0 && job.problem === undefined && (
          <FileButton
            label={gallery.addPictures}
            icon="add"
            accept={INPUT_TYPES}
            onFiles={(list) => send(job.id, "input", chosenFiles(list))}
          />
        )}
      </div>
    );
  return (
    <>
      <div class="gallery-size">
        {job.scanning && <span class="busy">{gallery.scanning}</span>}
        <label>
          <span>{gallery.size}</span>
          <input
            type="range"
            min={88}
            max={360}
            step={4}
            value={tileWidth.value}
            onInput={(event) => (tileWidth.value = event.currentTarget.valueAsNumber)}
          />
        </label>
      </div>
      <Section job={job} set={set} role="page" ids={page} icon="lines" title={gallery.pages} text={gallery.pagesText} />
      <Section
        job={job}
        set={set}
        role="reference"
        ids={reference}
        icon="drop"
        title={gallery.references}
        text={gallery.referencesText}
      />
      {inColor.length > 0 && (
        <Section
          job={job}
          set={set}
          role="inColor"
          ids={inColor}
          icon="image"
          title={gallery.inColor}
          text={gallery.inColorText}
        />
      )}
      <Unreadable set={set} />
      {job.counts.other > 0 && <p class="hint-text">{gallery.other(job.counts.other)}</p>}
    </>
  );
}

interface SectionProps {
  readonly job: Job;
  readonly set: PictureSet;
  readonly role: SortRole;
  readonly ids: readonly string[];
  readonly icon: IconName;
  readonly title: string;
  readonly text: string;
}

const MOVES: Readonly<Record<SortRole, { readonly key: string; readonly icon: IconName }>> = {
  page: { key: "p", icon: "lines" },
  reference: { key: "r", icon: "drop" },
  inColor: { key: "c", icon: "image" },
};

function Section({ job, set, role, ids, title, text, icon }: SectionProps): JSX.Element {
  const selection = useMemo(() => new Selection(), []);
  const over = useSignal(false);
  const best = useSignal(4);
  const settingsOf = useSignal<readonly string[] | undefined>(undefined);
  const action = useAction();
  const { gallery } = t.value;
  const chosen = selection.among(ids);
  const move = (which: readonly string[], to: SortRole): void => {
    if (which.length === 0) return;
    void action.run(async () => {
      await set.take(api.updatePictures(job.id, { ids: which, role: to }));
      selection.clear();
    });
  };
  const addReferences = (files: readonly UploadFile[]): void => send(job.id, "reference", files);
  const removeAdded = (): void =>
    void action.run(async () => {
      for (const id of chosen) if (set.get(id)?.peek().added) await api.removeReference(job.id, id);
      selection.clear();
      await set.load();
    });
  const targets = (Object.keys(MOVES) as SortRole[]).filter((to) => to !== role);
  const allAdded = chosen.length > 0 && chosen.every((id) => set.get(id)?.value.added);
  const surest = (): string[] =>
    [...ids].sort((a, b) => set.get(b)!.peek().confidence - set.get(a)!.peek().confidence).slice(0, best.value);
  return (
    <section
      class={`gallery ${over.value ? "over" : ""}`}
      aria-label={title}
      onDragOver={(event) => {
        if (event.dataTransfer?.types.includes(DRAG_TYPE) || (role !== "inColor" && bringsFiles(event))) {
          event.preventDefault();
          over.value = true;
        }
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        over.value = false;
        const data = event.dataTransfer;
        if (!data) return;
        event.preventDefault();
        if (bringsFiles(event)) {
          const files = droppedFiles(data);
          void action.run(async () => send(job.id, role === "reference" ? "reference" : "input", await files));
        } else move(JSON.parse(data.getData(DRAG_TYPE) || "[]") as string[], role);
      }}
    >
      <div class="gallery-head">
        <h2>
          <Icon name={icon} /> {title} <span class="count">{ids.length}</span>
        </h2>
        <p class="hint-text">{text}</p>
      </div>
      <Bar label={gallery.toolsFor(title)}>
        {ids.length > 0 && (
          <>
            <Button label={gallery.all} onClick={() => selection.set(ids)} />
            <Button label={gallery.none} disabled={chosen.length === 0} onClick={() => selection.clear()} />
            {role !== "inColor" && (
              <span class="best">
                <Button label={gallery.best} onClick={() => selection.set(surest())} />
                <input
                  type="number"
                  min={1}
                  max={ids.length}
                  aria-label={gallery.bestCount}
                  value={best.value}
                  onInput={(event) => (best.value = Math.max(1, event.currentTarget.valueAsNumber || 1))}
                />
              </span>
            )}
          </>
        )}
        {role === "reference" && (
          <FileButton
            label={gallery.addReferences}
            icon="add"
            accept={INPUT_TYPES}
            onFiles={(list) => addReferences(chosenFiles(list))}
          />
        )}
        {chosen.length > 0 && (
          <span class="selected-tools">
            <span class="selected-count" role="status">
              {gallery.selected(chosen.length)}
            </span>
            {targets.map((to) => (
              <Button
                key={to}
                label={gallery.moveTo[to]}
                icon={MOVES[to].icon}
                shortcut={MOVES[to].key.toUpperCase()}
                busy={action.busy.value}
                onClick={() => move(chosen, to)}
              />
            ))}
            {role === "page" && (
              <Button label={gallery.settingsOfPages} icon="settings" onClick={() => (settingsOf.value = chosen)} />
            )}
            {allAdded && <Button label={gallery.remove} icon="trash" onClick={removeAdded} />}
          </span>
        )}
      </Bar>
      <ActionTrouble action={action} />
      {ids.length === 0 ? (
        <p class="drop-here">{role === "reference" ? gallery.noReferences : gallery.noPages}</p>
      ) : (
        <Gallery
          label={title}
          set={set}
          ids={ids}
          selection={selection}
          draggable
          onOpen={(id) => go({ view: "picture", job: job.id, picture: id })}
          onKey={(event) => {
            if (event.ctrlKey || event.metaKey || event.altKey) return false;
            const to = targets.find((one) => MOVES[one].key === event.key.toLowerCase());
            const active = selection.active.value;
            if (!to) return false;
            move(chosen.length > 0 ? chosen : active === undefined ? [] : [active], to);
            return true;
          }}
        />
      )}
      {settingsOf.value && (
        <PageSettingsDialog job={job} set={set} ids={settingsOf.value} onClose={() => (settingsOf.value = undefined)} />
      )}
    </section>
  );
}
