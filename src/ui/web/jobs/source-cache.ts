/** Archives that are read again and again stay open for a while, so that each picture does not list them anew. */
import type { PageSource } from "../../../io/page-source.js";
import { stampOf } from "./stored.js";

const MOST_OPEN = 4;
const IDLE_MS = 30_000;

interface Open {
  readonly stamp: string | undefined;
  readonly source: Promise<PageSource>;
  users: number;
  timer: NodeJS.Timeout | undefined;
  stale: boolean;
}

export class SourceCache {
  readonly #open = new Map<string, Open>();

  /** Works with the source of a file, which is closed only when nobody works with it. */
  async with<T>(path: string, open: () => Promise<PageSource>, work: (source: PageSource) => Promise<T>): Promise<T> {
    const stamp = await stampOf(path);
    let found = this.#open.get(path);
    if (found !== undefined && found.stamp !== stamp) {
      this.#retire(path, found);
      found = undefined;
    }
    const one = found ?? { stamp, source: open(), users: 0, timer: undefined, stale: false };
    this.#open.delete(path); // so that it comes last
    this.#open.set(path, one);
    one.users++;
    clearTimeout(one.timer);
    this.#limit();
    try {
      return await work(await one.source);
    } catch (error) {
      if (one.users === 1) this.#retire(path, one);
      throw error;
    } finally {
      if (--one.users === 0)
        if (one.stale) void close(one);
        else one.timer = setTimeout(() => this.#retire(path, one), IDLE_MS).unref();
    }
  }

  async closeAll(): Promise<void> {
    const all = [...this.#open];
    for (const [path, one] of all) this.#retire(path, one);
    await Promise.all(all.map(([, one]) => (one.users === 0 ? close(one) : undefined)));
  }

  /** Closes what is below a folder that is about to go. */
  release(folder: string): void {
    for (const [path, one] of this.#open) if (path.startsWith(folder)) this.#retire(path, one);
  }

  #limit(): void {
    for (const [path, one] of this.#open) {
      if (this.#open.size <= MOST_OPEN) return;
      if (one.users === 0) this.#retire(path, one);
    }
  }

  #retire(path: string, one: Open): void {
    clearTimeout(one.timer);
    one.stale = true;
    if (this.#open.get(path) === one) this.#open.delete(path);
    if (one.users === 0) void close(one);
  }
}

async function close({ source }: Open): Promise<void> {
  await source.then((open) => open.close()).catch(() => undefined);
}
