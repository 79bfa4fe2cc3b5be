/** Zoom and pan: where a picture lies in its frame, and how the pointer moves it. */
import { computed, signal } from "@preact/signals";

/** Where a picture lies: `x`, `y` of its corner in the frame, `scale` in CSS pixels for one of its pixels. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

const LARGEST_SCALE = 32;
const KEPT_PX = 48; // of the picture stay in the frame

/** The camera over one picture. */
export class Camera {
  readonly view = signal<View>({ scale: 1, x: 0, y: 0 });
  /** True while the whole picture is fitted, so that a resized frame fits it again. */
  readonly fitted = signal(true);
  /** Picture pixels against screen pixels: 1 is 100 %. */
  readonly zoom = computed(() => this.view.value.scale * devicePixelRatio);
  #frame = { width: 1, height: 1 };
  #picture = { width: 1, height: 1 };

  /** Tells the sizes of frame and picture, CSS pixels and the picture's own. */
  resize(frame: { width: number; height: number }, picture: { width: number; height: number }): void {
    this.#frame = frame;
    this.#picture = picture;
    if (this.fitted.peek()) this.fit();
    else this.#put(this.view.peek());
  }

  /** Shows the whole picture, as large as the frame takes. */
  fit(): void {
    const { width, height } = this.#picture;
    const scale = Math.min(this.#frame.width / width, this.#frame.height / height);
    this.fitted.value = true;
    this.view.value = {
      scale,
      x: (this.#frame.width - width * scale) / 2,
      y: (this.#frame.height - height * scale) / 2,
    };
  }

  /** Zooms so that one picture pixel is `zoom` screen pixels, around a place of the frame. */
  zoomTo(zoom: number, at = { x: this.#frame.width / 2, y: this.#frame.height / 2 }): void {
    const { scale: old, x, y } = this.view.peek();
    const fit = Math.min(this.#frame.width / this.#picture.width, this.#frame.height / this.#picture.height);
    const least = Math.min(fit / 2, 1 / devicePixelRatio);
    const scale = Math.min(Math.max(zoom / devicePixelRatio, least), LARGEST_SCALE / devicePixelRatio);
    this.fitted.value = false;
    this.#put({ scale, x: at.x - ((at.x - x) / old) * scale, y: at.y - ((at.y - y) / old) * scale });
  }

  zoomBy(factor: number, at?: { x: number; y: number }): void {
    this.zoomTo(this.zoom.peek() * factor, at);
  }

  panBy(dx: number, dy: number): void {
    const { scale, x, y } = this.view.peek();
    this.fitted.value = false;
    this.#put({ scale, x: x + dx, y: y + dy });
  }

  /** A place of the frame in pixels of the picture. */
  toPicture(at: { x: number; y: number }): { x: number; y: number } {
    const { scale, x, y } = this.view.peek();
    return { x: (at.x - x) / scale, y: (at.y - y) / scale };
  }

  /** Scrolls so that a place of the picture is in the frame. */
  reveal(at: { x: number; y: number }): void {
    const { scale, x, y } = this.view.peek();
    const [left, top] = [at.x * scale + x, at.y * scale + y];
    const dx = left < KEPT_PX ? KEPT_PX - left : Math.min(0, this.#frame.width - KEPT_PX - left);
    const dy = top < KEPT_PX ? KEPT_PX - top : Math.min(0, this.#frame.height - KEPT_PX - top);
    if (dx !== 0 || dy !== 0) this.panBy(dx, dy);
  }

  #put({ scale, x, y }: View): void {
    const clamp = (value: number, size: number, frame: number): number =>
      Math.min(frame - KEPT_PX, Math.max(KEPT_PX - size, value));
    this.view.value = {
      scale,
      x: clamp(x, this.#picture.width * scale, this.#frame.width),
      y: clamp(y, this.#picture.height * scale, this.#frame.height),
    };
  }
}

/** Buttons of pointers: the main one, the middle one, a pen's eraser. */
const MIDDLE = 1;
const USED_BUTTONS: ReadonlySet<number> = new Set([0, MIDDLE, 5]);

/** What one pointer does while no other is down. */
export interface PointerTool {
  begin(at: { x: number; y: number }, event: PointerEvent): void;
  move(at: { x: number; y: number }, event: PointerEvent): void;
  end(cancelled: boolean): void;
}

/**
 * Wheel, drag and pinch on a frame. Two fingers always zoom and pan; one does what `tool` says, and without a tool it
 * pans. The middle button and a held space key pan too.
 */
export function followPointers(frame: HTMLElement, camera: Camera, tool: () => PointerTool | undefined): () => void {
  const down = new Map<number, { x: number; y: number }>();
  let using: PointerTool | undefined;
  let space = false;
  const placeOf = ({ clientX, clientY }: MouseEvent): { x: number; y: number } => {
    const { left, top } = frame.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const pair = (): { x: number; y: number; apart: number } => {
    const [a, b] = [...down.values()] as [{ x: number; y: number }, { x: number; y: number }];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
  };
  const onDown = (event: PointerEvent): void => {
    if ((event.target as Element).closest("[data-own-pointer]") || !USED_BUTTONS.has(event.button)) return;
    frame.setPointerCapture(event.pointerId);
    down.set(event.pointerId, placeOf(event));
    if (down.size > 1) {
      using?.end(true);
      using = undefined;
    } else if (event.button !== MIDDLE && !space) {
      using = tool();
      using?.begin(placeOf(event), event);
    }
    if (event.button === MIDDLE) event.preventDefault();
  };
  const onMove = (event: PointerEvent): void => {
    const before = down.get(event.pointerId);
    const now = placeOf(event);
    if (!before) return;
    if (down.size === 2) {
      const old = pair();
      down.set(event.pointerId, now);
      const fresh = pair();
      camera.panBy(fresh.x - old.x, fresh.y - old.y);
      camera.zoomBy(fresh.apart / old.apart, fresh);
      return;
    }
    down.set(event.pointerId, now);
    if (using) for (const each of event.getCoalescedEvents?.() ?? [event]) using.move(placeOf(each), each);
    else if (down.size === 1) camera.panBy(now.x - before.x, now.y - before.y);
  };
  const onUp = (event: PointerEvent): void => {
    if (!down.delete(event.pointerId)) return;
    using?.end(event.type === "pointercancel");
    using = undefined;
  };
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey && !event.ctrlKey) camera.panBy(-event.deltaY * unit, 0);
    else camera.zoomBy(Math.exp((-event.deltaY * unit) / (event.ctrlKey ? 120 : 400)), placeOf(event));
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === " " && event.target === frame) space = event.type === "keydown";
  };
  frame.addEventListener("pointerdown", onDown);
  frame.addEventListener("pointermove", onMove);
  frame.addEventListener("pointerup", onUp);
  frame.addEventListener("pointercancel", onUp);
  frame.addEventListener("wheel", onWheel, { passive: false });
  frame.addEventListener("keydown", onKey);
  frame.addEventListener("keyup", onKey);
  return () => {
    frame.removeEventListener("pointerdown", onDown);
    frame.removeEventListener("pointermove", onMove);
    frame.removeEventListener("pointerup", onUp);
    frame.removeEventListener("pointercancel", onUp);
    frame.removeEventListener("wheel", onWheel);
    frame.removeEventListener("keydown", onKey);
    frame.removeEventListener("keyup", onKey);
  };
}
