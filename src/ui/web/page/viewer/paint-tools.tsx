/** Tools of painting: brush, eraser, eyedropper, colours of the references, size, undo. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Picture } from "../../api/schemas.js";
import { urls } from "../lib/api.js";
import { Bar, Button, Segments } from "../parts/button.js";
import type { IconName } from "../parts/icon.js";
import { t } from "../texts/texts.js";
import { colorAt, distinct, mainColors } from "./colors.js";
import { TOOLS, type Painter, type Tool } from "./painter.js";

const ICONS: Readonly<Record<Tool, IconName>> = { brush: "brush", erase: "erase", pick: "picker", pan: "hand" };
const PALETTE = 18;
const PALETTE_SOURCES = 4;
const REFERENCES_SHOWN = 24;

interface PaintToolsProps {
  readonly painter: Painter;
  readonly job: string;
  readonly references: readonly Picture[];
}

export function PaintTools({ painter, job, references }: PaintToolsProps): JSX.Element {
  const { paint: texts } = t.value;
  const { drawing } = painter;
  const palette = usePalette(job, references);
  return (
    <div class="paint-tools">
      <Segments
        label={texts.tool}
        value={painter.tool.value}
        options={TOOLS.map((value) => ({ value, label: texts.tools[value], icon: ICONS[value] }))}
        onChange={(value) => (painter.tool.value = value)}
      />
      <Bar label={texts.history}>
        <Button
          label={texts.undo}
          icon="undo"
          bare
          shortcut="Ctrl Z"
          disabled={!drawing.canUndo.value}
          onClick={() => drawing.undo()}
        />
        <Button
          label={texts.redo}
          icon="redo"
          bare
          shortcut="Ctrl Y"
          disabled={!drawing.canRedo.value}
          onClick={() => drawing.redo()}
        />
        <Button label={texts.clear} icon="trash" bare disabled={drawing.empty.value} onClick={() => drawing.clear()} />
      </Bar>
      <label class="field row">
        <span>{texts.size}</span>
        <input
          type="range"
          min={1}
          max={Math.max(20, Math.round(Math.min(drawing.width, drawing.height) / 12))}
          value={painter.radius.value}
          aria-valuetext={texts.pixels(painter.radius.value * 2)}
          onInput={(event) => (painter.radius.value = event.currentTarget.valueAsNumber)}
        />
      </label>
      <label class="field row">
        <span>{texts.color}</span>
        <input
          type="color"
          value={painter.color.value}
          onInput={(event) => (painter.color.value = event.currentTarget.value)}
          onChange={(event) => painter.choose(event.currentTarget.value)}
        />
        <output>{painter.color.value}</output>
      </label>
      <Swatches label={texts.recent} colors={painter.recent} painter={painter} />
      <Swatches label={texts.palette} colors={palette} painter={painter} />
      {references.length > 0 && (
        <div class="pick-from">
          <p class="setting-help">{texts.pickFrom}</p>
          <div class="pick-tiles">
            {references.slice(0, REFERENCES_SHOWN).map((picture) => (
              <PickTile key={picture.id} job={job} picture={picture} painter={painter} />
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

interface SwatchesProps {
  readonly label: string;
  readonly colors: readonly string[];
  readonly painter: Painter;
}

function Swatches({ label, colors, painter }: SwatchesProps): JSX.Element | null {
  if (colors.length === 0) return null;
  return (
    <div class="swatches" role="group" aria-label={label}>
      <span class="setting-help">{label}</span>
      <span class="swatch-row">
        {colors.map((color) => (
          <button
            key={color}
            type="button"
            class="swatch"
            aria-label={t.value.paint.colorNamed(color)}
            aria-pressed={color === painter.color.value}
            title={color}
            style={{ backgroundColor: color }}
            onClick={() => painter.choose(color)}
          />
        ))}
      </span>
    </div>
  );
}

interface PickTileProps {
  readonly job: string;
  readonly picture: Picture;
  readonly painter: Painter;
}

/** A reference that gives the colour that is clicked in it. */
function PickTile({ job, picture, painter }: PickTileProps): JSX.Element {
  const url = urls.thumbnail(job, picture, 640);
  return (
    <button
      type="button"
      class="pick-tile"
      aria-label={t.value.paint.pickIn(picture.name)}
      title={picture.name}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        const byKey = event.detail === 0;
        const [x, y] = byKey
          ? [0.5, 0.5]
          : [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
        void colorAt(url, x, y).then((color) => {
          if (color) painter.choose(color);
        });
      }}
    >
      <img src={url} alt="" draggable={false} loading="lazy" />
    </button>
  );
}

/** Main colours of the first references. */
function usePalette(job: string, references: readonly Picture[]): readonly string[] {
  const colors = useSignal<readonly string[]>([]);
  const some = references.slice(0, PALETTE_SOURCES);
  useEffect(() => {
    let left = false;
    const each = Math.ceil(PALETTE / Math.max(1, some.length));
    Promise.all(some.map((one) => mainColors(urls.thumbnail(job, one, 160), each).catch(() => [])))
      .then((found) => {
        if (!left) colors.value = distinct(found.flat(), PALETTE);
      })
      .catch(() => undefined);
    return () => {
      left = true;
    };
  }, [some.map((one) => one.id).join()]);
  return colors.value;
}
