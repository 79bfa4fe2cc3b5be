/**
 * A gallery of tiles that draws only those near the window. A listbox to select from: one stop of the tab key, arrow
 * keys inside, as a screen reader expects.
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { GridTile, type TileHost, type TileLook } from "./grid-tile.js";
import type { Selection } from "./selection.js";
import { useRowWindow } from "./use-window.js";

interface TileGridProps {
  readonly label: string;
  readonly ids: readonly string[];
  readonly selection: Selection;
  readonly look: TileLook;
  /** Least width of a tile, CSS pixels. */
  readonly tileWidth: number;
  /** Height of the text under the picture, CSS pixels. */
  readonly captionHeight: number;
  /** On Enter and on a double click; with `openOnClick` on every plain click. */
  readonly onOpen?: (id: string) => void;
  readonly openOnClick?: boolean;
  /** A plain click turns a tile on or off, as a touch always does, and leaves the others. */
  readonly toggleOnClick?: boolean;
  readonly draggable?: boolean;
  readonly onKey?: (event: KeyboardEvent) => boolean;
}

const GAP_PX = 12;
/** What stays free above and below a tile that keys lead to. */
const ROOM_PX = { above: 120, below: 60 };
const PICTURE_ASPECT = 1.36;

/** Columns, width and height of tiles in a list of this width. */
function tileLayout(
  width: number,
  { tileWidth, captionHeight }: Pick<TileGridProps, "tileWidth" | "captionHeight">,
): { columns: number; width: number; rowHeight: number } {
  const columns = Math.max(1, Math.floor((width + GAP_PX) / (tileWidth + GAP_PX)));
  const tile = Math.max(1, (width - GAP_PX * (columns - 1)) / columns);
  return { columns, width: tile, rowHeight: Math.round(tile * PICTURE_ASPECT) + captionHeight + GAP_PX };
}

export function TileGrid(props: TileGridProps): JSX.Element {
  const { label, ids, selection, look, onOpen, openOnClick = false, toggleOnClick = false } = props;
  const { draggable = false } = props;
  const list = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const rowWindow = useRowWindow(list, (width) => tileLayout(width, props).rowHeight, [props.tileWidth, ids.length]);
  const { firstRow, endRow, width } = rowWindow.value;
  const layout = tileLayout(width, props);
  const { columns, rowHeight } = layout;
  const rows = Math.ceil(ids.length / columns);
  // One row at least, so that a screen reader finds what is outside the window.
  const first = Math.max(0, Math.min(firstRow, rows - 1));
  const from = first * columns;
  const near = ids
    .slice(from, Math.max(first + 1, endRow) * columns)
    .map((id, offset) => ({ id, index: from + offset }));
  // A drag ends when its tile leaves the document: the one that is held stays, wherever the window scrolls to.
  const held = useSignal<string | undefined>(undefined);
  const host = useMemo(
    () => ({ prefix, selection, held, now: {} }) as { -readonly [Key in keyof TileHost]: TileHost[Key] },
    [selection],
  );
  host.now = { ids, draggable, openOnClick, toggleOnClick, onOpen };
  const heldIndex = held.value === undefined ? -1 : ids.indexOf(held.value);
  const heldTile = heldIndex < 0 ? [] : [{ id: ids[heldIndex]!, index: heldIndex }];
  const shown =
    heldIndex < from ? [...heldTile, ...near] : heldIndex < from + near.length ? near : [...near, ...heldTile];
  useEffect(() => {
    const release = (): void => void (held.value = undefined);
    const ends = ["mouseup", "dragend"] as const;
    for (const end of ends) addEventListener(end, release, true);
    return () => {
      for (const end of ends) removeEventListener(end, release, true);
    };
  }, []);
  const active = selection.active.value;
  const activeIndex = active === undefined ? -1 : ids.indexOf(active);

  // A tile that has left (moved to another gallery) hands the keys to the one in its place.
  const lastIndex = useRef(0);
  if (activeIndex >= 0) lastIndex.current = activeIndex;
  useEffect(() => {
    if (active !== undefined && activeIndex < 0 && ids.length > 0)
      selection.active.value = ids[Math.min(lastIndex.current, ids.length - 1)];
  }, [active, activeIndex < 0, ids.length > 0]);

  const reveal = (index: number): void => {
    if (!list.current) return;
    const top = list.current.getBoundingClientRect().top + Math.floor(index / columns) * rowHeight;
    if (top < ROOM_PX.above) scrollBy(0, top - ROOM_PX.above);
    else if (top + rowHeight > innerHeight - ROOM_PX.below) scrollBy(0, top + rowHeight - innerHeight + ROOM_PX.below);
  };

  const moveTo = (index: number, event: KeyboardEvent): void => {
    const to = Math.max(0, Math.min(ids.length - 1, index));
    const id = ids[to];
    if (id === undefined) return;
    reveal(to);
    if (event.ctrlKey || event.metaKey || openOnClick) selection.active.value = id;
    else selection.click(ids, id, { range: event.shiftKey });
    event.preventDefault();
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const at = Math.max(0, activeIndex);
    const page = columns * Math.max(1, Math.floor(innerHeight / rowHeight) - 1);
    const steps: Record<string, number> = {
      ArrowRight: activeIndex < 0 ? 0 : at + 1,
      ArrowLeft: at - 1,
      ArrowDown: activeIndex < 0 ? 0 : at + columns,
      ArrowUp: at - columns,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: ids.length - 1,
    };
    const step = event.altKey ? undefined : steps[event.key];
    if (step !== undefined) moveTo(step, event);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      selection.set(ids);
      event.preventDefault();
    } else if (event.key === " " && active !== undefined) {
      selection.click(ids, active, { add: true, range: event.shiftKey });
      event.preventDefault();
    } else if (event.key === "Escape" && selection.chosen.peek().size > 0) selection.clear();
    else if (event.key === "Enter" && active !== undefined && onOpen) {
      onOpen(active);
      event.preventDefault();
    } else if (props.onKey?.(event)) event.preventDefault();
  };

  return (
    <div
      ref={list}
      class="tile-grid"
      role="listbox"
      tabIndex={0}
      aria-label={label}
      aria-multiselectable="true"
      aria-activedescendant={shown.some(({ index }) => index === activeIndex) ? prefix + active : undefined}
      style={{ height: `${Math.max(0, rows * rowHeight - GAP_PX)}px` }}
      onKeyDown={onKeyDown}
      onFocus={() => {
        if (activeIndex < 0 && ids[0] !== undefined) selection.active.value = ids[0];
      }}
    >
      {width > 0 &&
        shown.map(({ id, index }) => (
          <GridTile
            key={id}
            host={host}
            look={look}
            id={id}
            index={index}
            count={ids.length}
            draggable={draggable}
            x={(index % columns) * (layout.width + GAP_PX)}
            y={Math.floor(index / columns) * rowHeight}
            width={layout.width}
            height={rowHeight - GAP_PX}
          />
        ))}
    </div>
  );
}
