/** Before and after in one frame, with a line between them that is dragged or moved by keys. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../texts/texts.js";

interface CompareProps {
  readonly label: string;
  readonly before: string;
  readonly after: string;
  /** Shape of the picture, pixels. */
  readonly width: number;
  readonly height: number;
}

const STEP = 0.02;

/** Where keys move the line, or undefined for other keys. */
export function lineAfterKey(key: string, at: number): number | undefined {
  const moves: Record<string, number> = {
    ArrowLeft: at - STEP,
    ArrowDown: at - STEP,
    ArrowRight: at + STEP,
    ArrowUp: at + STEP,
    PageDown: at - 0.1,
    PageUp: at + 0.1,
    Home: 0,
    End: 1,
  };
  const to = moves[key];
  return to === undefined ? undefined : Math.min(1, Math.max(0, to));
}

export function Compare({ label, before, after, width, height }: CompareProps): JSX.Element {
  const at = useSignal(0.5);
  const follow = (event: PointerEvent & { currentTarget: HTMLElement }): void => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    at.value = Math.min(1, Math.max(0, (event.clientX - left) / width));
  };
  return (
    <div
      class="compare"
      style={{ aspectRatio: `${width} / ${height}` }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        follow(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) follow(event);
      }}
    >
      <img src={after} alt="" draggable={false} />
      <img src={before} alt="" draggable={false} style={{ clipPath: `inset(0 ${(1 - at.value) * 100}% 0 0)` }} />
      <span class="tag before" aria-hidden="true">
        {t.value.viewer.before}
      </span>
      <span class="tag after" aria-hidden="true">
        {t.value.viewer.after}
      </span>
      <span
        class="compare-line"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(at.value * 100)}
        aria-valuetext={t.value.viewer.lineAt(Math.round(at.value * 100))}
        style={{ left: `${at.value * 100}%` }}
        onKeyDown={(event) => {
          const to = lineAfterKey(event.key, at.value);
          if (to === undefined) return;
          at.value = to;
          event.preventDefault();
        }}
      />
    </div>
  );
}
