/**
 * Pages of a job as a live table. Only rows near the window are drawn; the roles tell a screen reader of the others.
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Job, Picture } from "../../api/schemas.js";
import type { PictureSet } from "../data/store.js";
import { urls } from "../lib/api.js";
import { duration } from "../lib/format.js";
import { href } from "../lib/route.js";
import { failureText } from "../lib/sentence.js";
import { Thumbnail } from "../parts/picture.js";
import { useRowWindow } from "../parts/use-window.js";
import { t } from "../texts/texts.js";
import { stageText } from "./page-status.js";

const ROW_PX = 60;
const TICK_MS = 1000;

interface PageTableProps {
  readonly job: Job;
  readonly set: PictureSet;
  readonly ids: readonly string[];
  readonly onOpen: (id: string) => void;
}

export function PageTable({ set, ids, onOpen }: PageTableProps): JSX.Element {
  const body = useRef<HTMLDivElement>(null);
  const rows = useRowWindow(body, () => ROW_PX, [ids.length]);
  const { firstRow, endRow } = rows.value;
  const { table } = t.value;
  return (
    <div class="page-table" role="table" aria-label={table.label} aria-rowcount={ids.length + 1}>
      <div class="page-row head" role="row" aria-rowindex={1}>
        {[table.page, table.state, table.stage, table.time].map((name) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      <div ref={body} role="rowgroup" class="page-rows" style={{ height: `${ids.length * ROW_PX}px` }}>
        {ids.slice(firstRow, endRow).map((id, offset) => (
          <Row key={id} set={set} id={id} index={firstRow + offset} onOpen={onOpen} />
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  readonly set: PictureSet;
  readonly id: string;
  readonly index: number;
  readonly onOpen: (id: string) => void;
}

function Row({ set, id, index }: RowProps): JSX.Element | null {
  const picture = set.get(id)?.value;
  if (!picture) return null;
  const { state } = picture;
  return (
    <div
      class={`page-row ${state}`}
      role="row"
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${index * ROW_PX}px)` }}
    >
      <span role="cell" class="page-cell-name">
        <Thumbnail src={urls.thumbnail(set.job, picture, 40, "result")} />
        <a href={href({ view: "picture", job: set.job, picture: id })}>{picture.name}</a>
      </span>
      <span role="cell">
        <span class={`mark ${state}`}>{t.value.results.states[state]}</span>
      </span>
      <span role="cell" class="page-cell-stage">
        {state === "processing" ? stageText(picture) : <Failure picture={picture} />}
      </span>
      <span role="cell" class="figures">
        <Elapsed picture={picture} />
      </span>
    </div>
  );
}

/** Why a page failed and what to do. The row has two lines for it: all of it is shown by the pointer. */
function Failure({ picture: { failure } }: { readonly picture: Picture }): JSX.Element | null {
  if (!failure) return null;
  const text = failureText(failure);
  return (
    <span class="page-cell-failure" lang="en" title={text}>
      {text}
    </span>
  );
}

/** Time of a page; while it is in work it runs on between two events. */
function Elapsed({ picture }: { readonly picture: Picture }): JSX.Element {
  const more = useSignal(0);
  const processing = picture.state === "processing";
  useEffect(() => {
    more.value = 0;
    if (!processing) return;
    const since = performance.now();
    const timer = setInterval(() => (more.value = performance.now() - since), TICK_MS);
    return () => clearInterval(timer);
  }, [processing, picture.elapsedMs]);
  const ms = picture.elapsedMs;
  return <>{ms === undefined ? "" : duration((ms + more.value) / 1000)}</>;
}
