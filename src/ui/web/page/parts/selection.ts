/** Selection in a gallery: by click, with shift and ctrl, by key, all, none, the best N. */
import { signal } from "@preact/signals";

/** The selection of one gallery. */
export class Selection {
  readonly chosen = signal<ReadonlySet<string>>(new Set());
  /** The tile that keys move from. */
  readonly active = signal<string | undefined>(undefined);
  #anchor: string | undefined;

  /** Selects one alone, or with `add` turns it on or off, or with `range` all from the last one to it. */
  click(ids: readonly string[], id: string, { add = false, range = false }): void {
    this.active.value = id;
    if (range && this.#anchor !== undefined && ids.includes(this.#anchor)) {
      const [from, to] = [ids.indexOf(this.#anchor), ids.indexOf(id)].sort((a, b) => a - b) as [number, number];
      const between = ids.slice(from, to + 1);
      this.chosen.value = new Set(add ? [...this.chosen.peek(), ...between] : between);
      return;
    }
    this.#anchor = id;
    if (!add) {
      this.chosen.value = new Set([id]);
      return;
    }
    const chosen = new Set(this.chosen.peek());
    if (!chosen.delete(id)) chosen.add(id);
    this.chosen.value = chosen;
  }

  set(ids: Iterable<string>): void {
    this.chosen.value = new Set(ids);
  }

  clear(): void {
    this.set([]);
  }

  /** The selected ones among `ids`, in their order. */
  among(ids: readonly string[]): string[] {
    const chosen = this.chosen.value;
    return chosen.size === 0 ? [] : ids.filter((id) => chosen.has(id));
  }
}
