/**
 * Notifies listeners of changes, as whole objects. Changes of one thing that follow each other closely are told as
 * one: the first at once, the last one always, in between at most twenty a second.
 */
import type { ServerEvent } from "../api/schemas.js";

/** Milliseconds between two events about one thing. */
const GAP_MS = 50;

export class Feed {
  readonly #listeners = new Set<(event: ServerEvent) => void>();
  /** Things that were told of less than a gap ago, and what is to be told at its end. */
  readonly #recent = new Map<string, { timer: NodeJS.Timeout; next: (() => ServerEvent | undefined) | undefined }>();

  /** @returns what ends it */
  listen(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * A thing has changed.
   * @param about what it is, such as a job's id
   * @param now makes the event when it is told; undefined where there is nothing to tell any more
   */
  changed(about: string, now: () => ServerEvent | undefined): void {
    const recent = this.#recent.get(about);
    if (recent !== undefined) {
      recent.next = now;
      return;
    }
    this.#wait(about);
    this.tell(now());
  }

  /** Tells an event at once. */
  tell(event: ServerEvent | undefined): void {
    if (event !== undefined) for (const listener of this.#listeners) listener(event);
  }

  /** What has waited about some things is not told. @param isGone which things */
  forget(isGone: (about: string) => boolean): void {
    for (const [about, { timer }] of this.#recent) {
      if (!isGone(about)) continue;
      clearTimeout(timer);
      this.#recent.delete(about);
    }
  }

  /** Tells what still waits, and ends. */
  close(): void {
    const waiting = [...this.#recent.values()];
    this.forget(() => true);
    for (const { next } of waiting) this.tell(next?.());
    this.#listeners.clear();
  }

  #wait(about: string): void {
    const timer = setTimeout(() => {
      const next = this.#recent.get(about)?.next;
      this.#recent.delete(about);
      if (next === undefined) return;
      this.#wait(about);
      this.tell(next());
    }, GAP_MS);
    this.#recent.set(about, { timer, next: undefined });
  }
}
