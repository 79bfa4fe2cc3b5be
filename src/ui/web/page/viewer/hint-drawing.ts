/** Hints painted on a page: marks in the page's own pixels, undone and done again, saved as dots or as a picture. */
import { computed, signal } from "@preact/signals";
import type { PageOwnSettings } from "../../api/schemas.js";

/** A place on the page, in its own pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** A dot or a stroke of one colour, or of the eraser. */
interface Mark {
  readonly kind: "paint" | "erase";
  readonly color: string;
  readonly radius: number;
  readonly points: Place[];
}

/** Dots, as the API takes them. */
export type HintDots = Exclude<NonNullable<PageOwnSettings["hints"]>, "strokes">;

const TAP_PX = 2; // a stroke shorter than this is a dot

function colorText(color: HintDots[number]["color"]): string {
  return typeof color === "string" ? color : `#${color.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}

/** What is painted on one page. */
export class HintDrawing {
  readonly canvas = document.createElement("canvas");
  readonly #marks = signal<readonly Mark[]>([]);
  readonly #undone = signal<readonly Mark[]>([]);
  /** The picture that was saved earlier; marks lie over it. */
  #base: ImageBitmap | undefined;
  readonly #hasBase = signal(false);
  #current: Mark | undefined;

  readonly canUndo = computed(() => this.#marks.value.length > 0);
  readonly canRedo = computed(() => this.#undone.value.length > 0);
  readonly empty = computed(() => this.#marks.value.length === 0 && !this.#hasBase.value);
  /** True where something is not saved. */
  readonly changed = signal(false);
  /** Number of marks, for a screen reader. */
  readonly count = computed(() => this.#marks.value.filter((mark) => mark.kind === "paint").length);

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.canvas.width = width;
    this.canvas.height = height;
  }

  /** Takes over what was saved: dots, or a picture. */
  load(dots: HintDots | undefined, picture?: ImageBitmap): void {
    this.#base = picture;
    this.#hasBase.value = picture !== undefined;
    this.#marks.value = (dots ?? []).map(({ x, y, color, radius }) => ({
      kind: "paint",
      color: colorText(color),
      radius: radius ?? this.defaultRadius,
      points: [{ x, y }],
    }));
    this.#undone.value = [];
    this.changed.value = false;
    this.redraw();
  }

  /** A radius that is easy to see on this page. */
  get defaultRadius(): number {
    return Math.max(3, Math.round(Math.min(this.width, this.height) / 120));
  }

  begin(kind: Mark["kind"], color: string, radius: number, at: Place): void {
    this.#current = { kind, color, radius, points: [at] };
    this.#draw(this.#current);
  }

  extend(at: Place): void {
    const mark = this.#current;
    const last = mark?.points.at(-1);
    if (!mark || !last || Math.hypot(at.x - last.x, at.y - last.y) < 0.5) return;
    mark.points.push(at);
    this.#draw({ ...mark, points: mark.points.slice(-2) });
  }

  end(cancelled = false): void {
    const mark = this.#current;
    this.#current = undefined;
    if (!mark) return;
    if (cancelled) {
      this.redraw();
      return;
    }
    const [first] = mark.points;
    const short = mark.points.every(({ x, y }) => Math.hypot(x - first!.x, y - first!.y) <= TAP_PX);
    const kept = short ? { ...mark, points: [first!] } : mark;
    this.#marks.value = [...this.#marks.value, kept];
    this.#undone.value = [];
    this.changed.value = true;
  }

  /** A dot in one go, as keys set it. */
  dot(kind: Mark["kind"], color: string, radius: number, at: Place): void {
    this.begin(kind, color, radius, at);
    this.end();
  }

  undo(): void {
    const last = this.#marks.value.at(-1);
    if (!last) return;
    this.#marks.value = this.#marks.value.slice(0, -1);
    this.#undone.value = [...this.#undone.value, last];
    this.#afterChange();
  }

  redo(): void {
    const next = this.#undone.value.at(-1);
    if (!next) return;
    this.#undone.value = this.#undone.value.slice(0, -1);
    this.#marks.value = [...this.#marks.value, next];
    this.#afterChange();
  }

  clear(): void {
    this.#base = undefined;
    this.#hasBase.value = false;
    this.#marks.value = [];
    this.#undone.value = [];
    this.changed.value = true;
    this.redraw();
  }

  #afterChange(): void {
    this.changed.value = true;
    this.redraw();
  }

  /** Begins to save what is there. The result is called when it is saved; what was painted since is not. */
  saving(): () => void {
    const marks = this.#marks.value;
    return () => {
      if (this.#marks.value === marks) this.changed.value = false;
    };
  }

  redraw(): void {
    const context = this.canvas.getContext("2d")!;
    context.clearRect(0, 0, this.width, this.height);
    if (this.#base) context.drawImage(this.#base, 0, 0, this.width, this.height);
    for (const mark of this.#marks.value) this.#draw(mark);
  }

  #draw({ kind, color, radius, points }: Mark): void {
    const context = this.canvas.getContext("2d")!;
    context.globalCompositeOperation = kind === "erase" ? "destination-out" : "source-over";
    context.fillStyle = context.strokeStyle = color;
    context.lineWidth = radius * 2;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    const [first, ...rest] = points;
    if (rest.length === 0) {
      context.arc(first!.x, first!.y, radius, 0, 2 * Math.PI);
      context.fill();
    } else {
      context.moveTo(first!.x, first!.y);
      for (const { x, y } of rest) context.lineTo(x, y);
      context.stroke();
    }
    context.globalCompositeOperation = "source-over";
  }

  /** The marks as dots, or undefined where they are more than dots. */
  dots(): HintDots | undefined {
    if (this.#base || this.#marks.value.length === 0) return undefined;
    if (this.#marks.value.some(({ kind, points }) => kind === "erase" || points.length > 1)) return undefined;
    return this.#marks.value.map(({ color, radius, points: [at] }) => ({
      x: Math.round(Math.min(Math.max(at!.x, 0), this.width - 1)),
      y: Math.round(Math.min(Math.max(at!.y, 0), this.height - 1)),
      color,
      radius: Math.max(1, Math.round(radius)),
    }));
  }

  /** The marks as a PNG of the page's size, strokes on transparency. */
  png(): Promise<Blob> {
    return new Promise((resolve, reject) => {
      this.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the strokes could not be encoded"))));
    });
  }
}
