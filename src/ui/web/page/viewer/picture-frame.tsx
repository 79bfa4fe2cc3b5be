/** The frame in which a page is looked at and painted on. */
import { useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { lineAfterKey } from "../parts/compare.js";
import { t } from "../texts/texts.js";
import { followPointers, type Camera } from "./camera.js";
import type { Painter } from "./painter.js";

/** How a page is shown. */
export const LOOKS = ["compare", "result", "original", "lines"] as const;
/** One of `LOOKS`. */
export type Look = (typeof LOOKS)[number];

interface StageProps {
  readonly label: string;
  /** Size of the page, pixels; all its pictures are shown in it. */
  readonly width: number;
  readonly height: number;
  readonly camera: Camera;
  readonly look: Look;
  readonly original: string;
  readonly result: string | undefined;
  readonly lines: string;
  readonly painter: Painter | undefined;
  readonly onKey: (event: KeyboardEvent) => boolean;
}

const PAN_PX = 60;

export function Stage(props: StageProps): JSX.Element {
  const { camera, painter, width, height, look } = props;
  const frame = useRef<HTMLDivElement>(null);
  const line = useSignal(0.5);
  const painting = useRef(painter);
  painting.current = painter;
  useEffect(() => {
    const element = frame.current!;
    const stop = followPointers(element, camera, () => painting.current?.pointerTool());
    const observer = new ResizeObserver(() => {
      const { width: frameWidth, height: frameHeight } = element.getBoundingClientRect();
      camera.resize({ width: frameWidth, height: frameHeight }, { width, height });
    });
    observer.observe(element);
    return () => {
      stop();
      observer.disconnect();
    };
  }, [camera, width, height]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== frame.current) return;
    if (painter?.key(event) || cameraKey(camera, event) || props.onKey(event)) event.preventDefault();
  };
  const comparing = look === "compare" && props.result !== undefined;
  const main = look === "lines" ? props.lines : look === "original" ? props.original : (props.result ?? props.original);
  return (
    <div
      ref={frame}
      class={`stage ${painter ? `painting tool-${painter.tool.value}` : ""}`}
      role="group"
      tabIndex={0}
      aria-label={props.label}
      aria-describedby="stage-keys"
      onKeyDown={onKeyDown}
      onDblClick={(event) => {
        if (painter || !frame.current) return;
        const { left, top } = frame.current.getBoundingClientRect();
        if (camera.fitted.peek()) camera.zoomTo(1, { x: event.clientX - left, y: event.clientY - top });
        else camera.fit();
      }}
      onPointerMove={(event) => {
        if (!painter || !frame.current) return;
        const { left, top } = frame.current.getBoundingClientRect();
        painter.pointer.value = camera.toPicture({ x: event.clientX - left, y: event.clientY - top });
      }}
      onPointerLeave={() => {
        if (painter) painter.pointer.value = undefined;
      }}
    >
      <Layer key={main} src={main} {...{ width, height, camera }} />
      {comparing && <Layer key="before" src={props.original} {...{ width, height, camera }} line={line} />}
      {painter && <PaintLayer painter={painter} camera={camera} />}
      {comparing && !painter && (
        <>
          <span class="tag before" aria-hidden="true">
            {t.value.viewer.before}
          </span>
          <span class="tag after" aria-hidden="true">
            {t.value.viewer.after}
          </span>
          <CompareLine line={line} frame={frame} />
        </>
      )}
      <p id="stage-keys" class="sr-only">
        {painter ? t.value.paint.keys : t.value.viewer.keys}
      </p>
    </div>
  );
}

/** Takes a key of zoom and pan; false for another one. Arrow keys pan only when zoomed in. */
export function cameraKey(camera: Camera, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const pans: Record<string, [number, number]> = {
    ArrowLeft: [PAN_PX, 0],
    ArrowRight: [-PAN_PX, 0],
    ArrowUp: [0, PAN_PX],
    ArrowDown: [0, -PAN_PX],
  };
  const pan = pans[event.key];
  if (event.key === "+" || event.key === "=") camera.zoomBy(1.25);
  else if (event.key === "-") camera.zoomBy(0.8);
  else if (event.key === "0") camera.fit();
  else if (event.key === "1") camera.zoomTo(1);
  else if (pan && !camera.fitted.peek()) camera.panBy(...pan);
  else return false;
  return true;
}

interface LayerProps {
  readonly src: string;
  readonly width: number;
  readonly height: number;
  readonly camera: Camera;
  /** Shows only what lies left of this share of the frame. */
  readonly line?: Signal<number>;
}

function Layer({ src, width, height, camera, line }: LayerProps): JSX.Element {
  const { scale, x, y } = camera.view.value;
  const coming = useSignal(true);
  const failed = useSignal(false);
  return (
    <div class="layer" style={{ clipPath: line ? `inset(0 ${(1 - line.value) * 100}% 0 0)` : "none" }}>
      <img
        src={src}
        alt=""
        draggable={false}
        class={`${camera.zoom.value > 1.01 ? "pixelated" : ""} ${coming.value ? "coming" : ""}`}
        style={{ width: `${width}px`, height: `${height}px`, transform: `translate(${x}px, ${y}px) scale(${scale})` }}
        onLoad={() => (coming.value = false)}
        onError={() => {
          coming.value = false;
          failed.value = true;
        }}
      />
      {failed.value && <p class="stage-message">{t.value.noPicture}</p>}
    </div>
  );
}

function PaintLayer({ painter, camera }: { readonly painter: Painter; readonly camera: Camera }): JSX.Element {
  const holder = useRef<HTMLDivElement>(null);
  const { scale, x, y } = camera.view.value;
  useEffect(() => {
    holder.current?.replaceChildren(painter.drawing.canvas);
  }, [painter]);
  const at = painter.pointer.value;
  const cursor = painter.cursor.value!;
  const radius = painter.radius.value * scale;
  const paints = painter.tool.value === "brush" || painter.tool.value === "erase";
  return (
    <>
      <div
        ref={holder}
        class={`paint-canvas ${camera.zoom.value > 1.01 ? "pixelated" : ""}`}
        style={{ transform: `translate(${x}px, ${y}px) scale(${scale})` }}
      />
      {at && paints && (
        <span
          class="brush-ring"
          style={{
            width: `${radius * 2}px`,
            height: `${radius * 2}px`,
            transform: `translate(${at.x * scale + x - radius}px, ${at.y * scale + y - radius}px)`,
          }}
        />
      )}
      <span class="cross" style={{ transform: `translate(${cursor.x * scale + x}px, ${cursor.y * scale + y}px)` }} />
    </>
  );
}

interface LineProps {
  readonly line: Signal<number>;
  readonly frame: { readonly current: HTMLElement | null };
}

function CompareLine({ line, frame }: LineProps): JSX.Element {
  const follow = (event: PointerEvent): void => {
    const box = frame.current?.getBoundingClientRect();
    if (box) line.value = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  return (
    <span
      class="compare-line"
      data-own-pointer
      role="slider"
      tabIndex={0}
      aria-label={t.value.viewer.line}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(line.value * 100)}
      aria-valuetext={t.value.viewer.lineAt(Math.round(line.value * 100))}
      style={{ left: `${line.value * 100}%` }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        event.stopPropagation();
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) follow(event);
      }}
      onDblClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        const to = lineAfterKey(event.key, line.value);
        if (to === undefined) return;
        line.value = to;
        event.preventDefault();
        event.stopPropagation();
      }}
    />
  );
}
