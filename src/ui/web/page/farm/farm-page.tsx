/** The farm: its workers, and all chapters in its queue. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Farm } from "../../api/farm.js";
import { farm, hasFarm, takeFarm } from "../data/farm.js";
import { api } from "../lib/api.js";
import { Button } from "../parts/button.js";
import { ActionTrouble, useAction } from "../parts/trouble.js";
import { t } from "../texts/texts.js";
import { ChapterRow } from "./chapter-row.js";
import { NodeCard } from "./node-card.js";

export function FarmPage(): JSX.Element {
  const { farm: texts } = t.value;
  const action = useAction();
  const now = farm.value;
  useEffect(() => {
    if (hasFarm.value && farm.peek() === undefined) void action.run(() => takeFarm(api.farm()));
  }, [hasFarm.value]);
  return (
    <>
      <header class="farm-head">
        <h1 tabIndex={-1}>{now ? texts.named(now.name) : texts.title}</h1>
        {now && <Held farm={now} />}
      </header>
      <ActionTrouble action={action} />
      {!hasFarm.value && <p class="hint-text">{texts.none}</p>}
      {now && <Nodes farm={now} />}
      {now && <Chapters farm={now} />}
    </>
  );
}

/** Whether workers take pages, and the button that changes it. */
function Held({ farm: { paused, connected } }: { readonly farm: Farm }): JSX.Element {
  const { farm: texts } = t.value;
  const action = useAction();
  const act = (): void => void action.run(() => takeFarm(paused ? api.resumeFarm() : api.pauseFarm()));
  return (
    <>
      {paused && <p class="state state-preview">{texts.paused}</p>}
      <Button
        label={paused ? texts.resume : texts.pause}
        icon={paused ? "play" : "pause"}
        kind={paused ? "main" : "plain"}
        busy={action.busy.value}
        disabled={!connected}
        onClick={act}
      />
      <ActionTrouble action={action} />
    </>
  );
}

function Nodes({ farm: { nodes, connected } }: { readonly farm: Farm }): JSX.Element {
  const { farm: texts } = t.value;
  return (
    <section class="farm-nodes" aria-label={texts.nodes}>
      <h2>
        {texts.nodes} <span class="count">{nodes.length}</span>
      </h2>
      {!nodes.some((node) => node.isOurs) && <p class="hint-text">{texts.noNodes}</p>}
      <ul>
        {nodes.map((node) => (
          <NodeCard key={node.id} node={node} connected={connected} />
        ))}
      </ul>
    </section>
  );
}

function Chapters({ farm: { chapters, connected } }: { readonly farm: Farm }): JSX.Element {
  const { farm: texts } = t.value;
  return (
    <section class="job-list" aria-label={texts.chapters}>
      <h2>
        {texts.chapters} <span class="count">{chapters.length}</span>
      </h2>
      {chapters.length === 0 && <p class="hint-text">{texts.noChapters}</p>}
      <ul>
        {chapters.map((chapter) => (
          <ChapterRow key={chapter.id} chapter={chapter} connected={connected} />
        ))}
      </ul>
    </section>
  );
}
