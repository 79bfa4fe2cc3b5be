/** The state of painting: tool, colour, size, and what pointers and keys do with them. */
import { signal } from "@preact/signals";
import { preference } from "../lib/preferences.js";
import { colorAt } from "./colors.js";
import type { Camera, PointerTool } from "./camera.js";
import { HintDrawing, type Place } from "./hint-drawing.js";

/** Tools of painting. */
export const TOOLS = ["brush", "erase", "pick", "pan"] as const;
/** One of `TOOLS`. */
export type Tool = (typeof TOOLS)[number];

const RECENT = 10;
const recent = preference<readonly string[]>("recent-colors", []);

/** Painting on one page. */
export class Painter {
  readonly tool = signal<Tool>("brush");
  readonly color = signal(recent.peek()[0] ?? "#d9695f");
  readonly radius = signal(0);
  /** Where keys paint, in pixels of the page. */
  readonly cursor = signal<Place | undefined>(undefined);
  /** Where the pointer is, in pixels of the page. */
  readonly pointer = signal<Place | undefined>(undefined);

  constructor(
    readonly drawing: HintDrawing,
    readonly camera: Camera,
    /** Address of the picture that the eyedropper reads. */
    readonly shown: () => string,
  ) {
    this.radius.value = drawing.defaultRadius;
    this.cursor.value = { x: Math.round(drawing.width / 2), y: Math.round(drawing.height / 2) };
  }

  get recent(): readonly string[] {
    return recent.value;
  }

  /** Takes a colour and goes back to the brush. */
  choose(color: string): void {
    this.color.value = color;
    recent.value = [color, ...recent.peek().filter((one) => one !== color)].slice(0, RECENT);
    if (this.tool.peek() !== "brush") this.tool.value = "brush";
  }

  async pick(at: Place): Promise<void> {
    const { width, height } = this.drawing;
    const color = await colorAt(this.shown(), at.x / width, at.y / height);
    if (color) this.choose(color);
  }

  /** What a single pointer does; pressure of pens does not matter. */
  pointerTool(): PointerTool | undefined {
    const tool = this.tool.peek();
    if (tool === "pan") return undefined;
    const { camera, drawing } = this;
    if (tool === "pick")
      return { begin: (at) => void this.pick(camera.toPicture(at)), move: () => undefined, end: () => undefined };
    const kind = tool === "erase" ? "erase" : "paint";
    return {
      begin: (at, event) =>
        drawing.begin(
          event.buttons === 32 ? "erase" : kind,
          this.color.peek(),
          this.radius.peek(),
          camera.toPicture(at),
        ),
      move: (at) => drawing.extend(camera.toPicture(at)),
      end: (cancelled) => drawing.end(cancelled),
    };
  }

  /** Keys of painting; true where one was used. */
  key(event: KeyboardEvent): boolean {
    const { drawing } = this;
    if (event.ctrlKey || event.metaKey) {
      const key = event.key.toLowerCase();
      if (key === "z" && event.shiftKey) drawing.redo();
      else if (key === "z") drawing.undo();
      else if (key === "y") drawing.redo();
      else return false;
      return true;
    }
    const step = event.shiftKey ? 10 : 1;
    const moves: Record<string, Place> = {
      ArrowLeft: { x: -step, y: 0 },
      ArrowRight: { x: step, y: 0 },
      ArrowUp: { x: 0, y: -step },
      ArrowDown: { x: 0, y: step },
    };
    const move = moves[event.key];
    const at = this.cursor.peek()!;
    if (move) {
      const far = Math.max(1, Math.round(4 / this.camera.view.peek().scale));
      const next = {
        x: Math.min(drawing.width - 1, Math.max(0, at.x + move.x * far)),
        y: Math.min(drawing.height - 1, Math.max(0, at.y + move.y * far)),
      };
      this.cursor.value = next;
      this.camera.reveal(next);
      return true;
    }
    const tools: Record<string, Tool> = { b: "brush", e: "erase", i: "pick", h: "pan" };
    const tool = tools[event.key.toLowerCase()];
    if (tool) this.tool.value = tool;
    else if (event.key === "[") this.radius.value = Math.max(1, Math.round(this.radius.peek() * 0.8));
    else if (event.key === "]") this.radius.value = Math.ceil(this.radius.peek() * 1.25);
    else if (event.key === "Enter" || event.key === " ") this.#useAt(at);
    else return false;
    return true;
  }

  #useAt(at: Place): void {
    const tool = this.tool.peek();
    if (tool === "pick") void this.pick(at);
    else if (tool !== "pan")
      this.drawing.dot(tool === "erase" ? "erase" : "paint", this.color.peek(), this.radius.peek(), at);
  }
}
