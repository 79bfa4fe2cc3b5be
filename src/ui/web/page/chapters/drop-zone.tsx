/** A drop zone for chapters, with a file chooser. The whole view takes a drop; the frame shows it. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { bringsFiles, chosenFiles, droppedFiles, INPUT_TYPES } from "../data/dropped.js";
import { server } from "../data/store.js";
import { interrupted, type UploadFile } from "../data/uploads.js";
import { go } from "../lib/route.js";
import { Button, FileButton } from "../parts/button.js";
import { Icon } from "../parts/icon.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { RootDialog } from "./root-dialog.js";
import { startJobs } from "./start-jobs.js";

export function DropZone({ small }: { readonly small: boolean }): JSX.Element {
  const over = useSignal(false);
  const choosingRoot = useSignal(false);
  const action = useAction();
  const take = (files: UploadFile[] | Promise<UploadFile[]>): void => {
    over.value = false;
    void action.run(async () => {
      const ids = await startJobs(await files);
      if (ids.length === 1) go({ view: "job", job: ids[0]! });
    });
  };
  useEffect(() => {
    let depth = 0;
    const enter = (event: DragEvent): void => {
      if (!bringsFiles(event)) return;
      event.preventDefault();
      if (event.type === "dragenter") depth++;
      over.value = true;
    };
    const leave = (): void => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) over.value = false;
    };
    const drop = (event: DragEvent): void => {
      depth = 0;
      if (!bringsFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      take(droppedFiles(event.dataTransfer));
    };
    addEventListener("dragenter", enter);
    addEventListener("dragover", enter);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragover", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  const { drop } = t.value;
  return (
    <section class={`drop-zone ${small ? "small" : ""} ${over.value ? "over" : ""}`} aria-label={drop.label}>
      <Icon name="upload" />
      <div class="drop-text">
        <p class="drop-title">{over.value ? drop.release : drop.title}</p>
        {!small && <p class="hint-text">{drop.what}</p>}
      </div>
      <div class="drop-actions">
        <FileButton
          label={drop.files}
          icon="archive"
          kind="main"
          accept={INPUT_TYPES}
          onFiles={(list) => take(chosenFiles(list))}
        />
        <FileButton label={drop.folder} icon="folder" folder onFiles={(list) => take(chosenFiles(list))} />
        {(server.value?.roots.length ?? 0) > 0 && (
          <Button label={drop.root} icon="open" onClick={() => (choosingRoot.value = true)} />
        )}
      </div>
      {interrupted.value.length > 0 && (
        <p class="interrupted">
          <Icon name="warning" />
          <span>
            {t.value.uploads.interrupted(interrupted.value.length)}{" "}
            {[...new Set(interrupted.value.map((one) => one.name))].slice(0, 3).join(", ")}
            {interrupted.value.length > 3 && ", …"}
          </span>
        </p>
      )}
      <ActionTrouble action={action} />
      {choosingRoot.value && <RootDialog onClose={() => (choosingRoot.value = false)} />}
    </section>
  );
}
