/** The references of a chapter that has begun: looked at, and added to from the disk. */
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useDropTarget } from "../parts/use-drop-target.js";
import type { Job } from "../../api/schemas.js";
import { chosenFiles, INPUT_TYPES } from "../data/dropped.js";
import type { PictureSet } from "../data/store.js";
import { send } from "../data/uploads.js";
import { urls } from "../lib/api.js";
import { href } from "../lib/route.js";
import { FileButton } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { Thumbnail } from "../parts/picture.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";

/** So many are shown; a chapter seldom has more. */
const SHOWN = 24;

export function ChapterReferences({ job, set }: { readonly job: Job; readonly set: PictureSet }): JSX.Element {
  const references = useComputed(() => set.all().filter((picture) => picture.role === "reference"));
  const action = useAction();
  const drop = useDropTarget((files) => void action.run(async () => send(job.id, "reference", await files)));
  const { gallery } = t.value;
  const { value: all } = references;
  return (
    <section
      class={`chapter-references ${drop.over.value ? "over" : ""}`}
      aria-label={gallery.references}
      {...drop.events}
    >
      <div class="gallery-head">
        <h2>
          <Icon name="drop" /> {gallery.references} <span class="count">{all.length}</span>
        </h2>
        <FileButton
          label={gallery.addReferences}
          icon="add"
          accept={INPUT_TYPES}
          onFiles={(list) => send(job.id, "reference", chosenFiles(list))}
        />
        <p class="hint-text">{job.progress.completed > 0 ? gallery.addedLater : gallery.referencesText}</p>
      </div>
      <ActionTrouble action={action} />
      {all.length > 0 && (
        <ul class="chapter-reference-list">
          {all.slice(0, SHOWN).map((picture) => (
            <li key={picture.id}>
              <a href={href({ view: "picture", job: job.id, picture: picture.id })} title={picture.name}>
                <Thumbnail src={urls.thumbnail(job.id, picture, 64)} alt={picture.name} />
              </a>
            </li>
          ))}
          {all.length > SHOWN && <li class="hint-text">+ {all.length - SHOWN}</li>}
        </ul>
      )}
    </section>
  );
}
