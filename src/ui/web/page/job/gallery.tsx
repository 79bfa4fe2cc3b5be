/** Tiles of pictures with their confidence, for sorting a chapter. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Picture } from "../../api/schemas.js";
import type { PictureSet } from "../data/store.js";
import { urls } from "../lib/api.js";
import { percent } from "../lib/format.js";
import { preference } from "../lib/preferences.js";
import type { TileLook } from "../parts/grid-tile.js";
import { Thumbnail } from "../parts/picture.js";
import type { Selection } from "../parts/selection.js";
import { TileGrid } from "../parts/tile-grid.js";
import { t } from "../texts/texts.js";

/** Least width of tiles, CSS pixels; chosen by the person. */
export const tileWidth = preference("tile-width", innerWidth < 600 ? 104 : innerWidth > 2200 ? 220 : 148);

interface GalleryProps {
  readonly label: string;
  readonly set: PictureSet;
  readonly ids: readonly string[];
  readonly selection: Selection;
  readonly onOpen?: (id: string) => void;
  readonly onKey?: (event: KeyboardEvent) => boolean;
  readonly draggable?: boolean;
}

/** A picture in words. */
export function pictureName(picture: Picture): string {
  const { gallery } = t.value;
  const sure = picture.unsure ? `, ${gallery.unsure}` : "";
  return `${picture.name}, ${gallery.confidence(percent(picture.confidence))}${sure}`;
}

export function Gallery({ label, set, ids, selection, onOpen, onKey, draggable }: GalleryProps): JSX.Element {
  const look = useMemo(() => tileLook(set), [set]);
  return (
    <TileGrid
      label={label}
      ids={ids}
      selection={selection}
      look={look}
      tileWidth={tileWidth.value}
      captionHeight={42}
      draggable={draggable ?? false}
      {...(onOpen ? { onOpen } : {})}
      {...(onKey ? { onKey } : {})}
    />
  );
}

function tileLook(set: PictureSet): TileLook {
  return {
    className: (id) => (set.get(id)?.value.unsure ? "unsure" : ""),
    nameOf: (id) => {
      const picture = set.get(id)?.value;
      return picture ? pictureName(picture) : "";
    },
    draw: (id, widthPx) => <Tile set={set} id={id} widthPx={widthPx} />,
  };
}

interface TileProps {
  readonly set: PictureSet;
  readonly id: string;
  readonly widthPx: number;
}

function Tile({ set, id, widthPx }: TileProps): JSX.Element | null {
  const picture = set.get(id)?.value;
  if (!picture) return null;
  const own = picture.settings && Object.keys(picture.settings).length > 0;
  return (
    <>
      <Thumbnail src={urls.thumbnail(set.job, picture, widthPx)} />
      <span class="tile-caption">
        <span class="tile-name">{picture.name}</span>{" "}
        <span class="tile-facts">
          {picture.added ? (
            <span>{t.value.gallery.added}</span>
          ) : (
            <span class={picture.unsure ? "doubt" : ""}>
              {picture.unsure && "? "}
              {percent(picture.confidence)}
              <span class="sr-only"> {picture.unsure ? t.value.gallery.unsure : t.value.gallery.sure}</span>
            </span>
          )}
          {own && <span class="own">{t.value.gallery.own}</span>}
        </span>
      </span>
    </>
  );
}
