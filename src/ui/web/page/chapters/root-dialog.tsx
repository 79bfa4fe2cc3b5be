/** Choosing a folder or an archive on the server, below a folder that it allows. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { jobName } from "../data/job-name.js";
import { server, takeJob } from "../data/store.js";
import { api, troubleOf, type RootListing, type Trouble } from "../lib/api.js";
import { go } from "../lib/route.js";
import { Button } from "../parts/button.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { ActionTrouble, TroubleBox, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";

export function RootDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const roots = server.value?.roots ?? [];
  const root = useSignal(roots[0] ?? "");
  const path = useSignal("");
  const recursive = useSignal(true);
  const listing = useSignal<RootListing | undefined>(undefined);
  const trouble = useSignal<Trouble | undefined>(undefined);
  const action = useAction();
  const { roots: texts } = t.value;
  const read = (): void => {
    listing.value = undefined;
    trouble.value = undefined;
    api.rootListing(root.value, path.value).then(
      (found) => (listing.value = found),
      (error: unknown) => (trouble.value = troubleOf(error)),
    );
  };
  useEffect(read, [root.value, path.value]);
  const choose = (chosen: string): void =>
    void action.run(async () => {
      const name = (chosen || root.value).split("/").at(-1)!;
      const source = { kind: "root", root: root.value, path: chosen, recursive: recursive.value } as const;
      const job = await takeJob(api.createJob({ name: jobName(name), source }));
      go({ view: "job", job: job.id });
    });
  const parts = path.value.split("/").filter(Boolean);
  return (
    <Dialog title={texts.title} onClose={onClose}>
      {roots.length > 1 && (
        <label class="field">
          <span>{texts.root}</span>
          <select
            value={root.value}
            onChange={(event) => {
              path.value = "";
              root.value = event.currentTarget.value;
            }}
          >
            {roots.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <nav class="crumbs" aria-label={texts.path}>
        <button type="button" onClick={() => (path.value = "")}>
          {root.value}
        </button>
        {parts.map((part, index) => (
          <button key={index} type="button" onClick={() => (path.value = parts.slice(0, index + 1).join("/"))}>
            {part}
          </button>
        ))}
      </nav>
      <TroubleBox trouble={trouble.value} onRetry={read} />
      <ul class="root-entries">
        {listing.value?.entries.map(({ name, path: place, kind }) => (
          <li key={place}>
            <button type="button" onClick={() => (kind === "folder" ? (path.value = place) : choose(place))}>
              <Icon name={kind === "folder" ? "folder" : "archive"} />
              <span>{name}</span>
            </button>
          </li>
        ))}
        {listing.value?.entries.length === 0 && <li class="hint-text">{texts.empty}</li>}
      </ul>
      <label class="check">
        <input
          type="checkbox"
          checked={recursive.value}
          onChange={(event) => (recursive.value = event.currentTarget.checked)}
        />
        <span>{texts.recursive}</span>
      </label>
      <ActionTrouble action={action} />
      <footer>
        <Button
          kind="main"
          label={texts.take(parts.at(-1) ?? root.value)}
          busy={action.busy.value}
          onClick={() => choose(path.value)}
        />
      </footer>
    </Dialog>
  );
}
