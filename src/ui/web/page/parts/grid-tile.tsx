/**
 * One tile of a gallery. It is drawn when it comes near the window and when something of its own has changed; scrolling
 * and what happens to other tiles leave it as it is.
 */
import { useComputed, type Signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { scrollAtEdges } from "./scroll-at-edges.js";
import type { Selection } from "./selection.js";

/** What tiles carry when they are dragged. */
export const DRAG_TYPE = "application/x-cobra-pictures";

/** How the tiles of a gallery look. The same object from one drawing of the gallery to the next. */
export interface TileLook {
  /** Class names of a tile. */
  readonly className: (id: string) => string;
  /** What is shown when the pointer rests on a tile. */
  readonly nameOf: (id: string) => string;
  readonly draw: (id: string, widthPx: number) => ComponentChildren;
}

/** What tiles ask when something happens to them. The same object as long as the gallery is there. */
export interface TileHost {
  readonly prefix: string;
  readonly selection: Selection;
  /** The tile that a drag may begin with. */
  readonly held: Signal<string | undefined>;
  readonly now: {
    readonly ids: readonly string[];
    readonly draggable: boolean;
    readonly openOnClick: boolean;
    readonly toggleOnClick: boolean;
    readonly onOpen?: ((id: string) => void) | undefined;
  };
}

interface GridTileProps {
  readonly host: TileHost;
  readonly look: TileLook;
  readonly id: string;
  readonly index: number;
  /** Of all tiles of the gallery. */
  readonly count: number;
  readonly draggable: boolean;
  /** Place and size in CSS pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function GridTile(props: GridTileProps): JSX.Element {
  const { host, look, id, x, y, width, height } = props;
  const { selection, held } = host;
  const chosen = useComputed(() => selection.chosen.value.has(id));
  const active = useComputed(() => selection.active.value === id);
  return (
    <div
      id={host.prefix + id}
      role="option"
      class={`tile ${look.className(id)}${active.value ? " active" : ""}`}
      aria-selected={chosen.value}
      aria-setsize={props.count}
      aria-posinset={props.index + 1}
      title={look.nameOf(id)}
      draggable={props.draggable}
      style={{ transform: `translate(${x}px, ${y}px)`, width: `${width}px`, height: `${height}px` }}
      onClick={(event) => {
        const { ids, openOnClick, toggleOnClick, onOpen } = host.now;
        const add = event.ctrlKey || event.metaKey;
        if (openOnClick && !add && !event.shiftKey) {
          selection.active.value = id;
          onOpen?.(id);
          return;
        }
        // A finger has no Ctrl key, and neither has a click of assistive technology.
        const toggles =
          toggleOnClick || event.detail === 0 || ("pointerType" in event && event.pointerType === "touch");
        selection.click(ids, id, { add: add || toggles, range: event.shiftKey });
      }}
      onDblClick={() => host.now.onOpen?.(id)}
      onMouseDown={() => {
        if (host.now.draggable) held.value = id;
      }}
      onDragStart={(event) => {
        const { ids } = host.now;
        if (!selection.chosen.peek().has(id)) selection.click(ids, id, {});
        event.dataTransfer?.setData(DRAG_TYPE, JSON.stringify(selection.among(ids)));
        if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
        scrollAtEdges();
      }}
    >
      {look.draw(id, width)}
    </div>
  );
}
