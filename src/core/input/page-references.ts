/**
 * The references of a batch's pages: the batch's own set for most, and for pages that name others a set of theirs.
 * Pages with the same list share a set; it is read when the first of them is coloured and freed when the last of them
 * is done.
 */
import type { Engine } from "../../colorization/engine.js";
import type { ReferenceSet } from "../../colorization/cobra/references.js";
import type { PageSettings } from "../../config/batch-config.js";
import { getLogger } from "../../logging.js";
import { readReferences } from "./classify-input.js";

interface OwnSet {
  opening: Promise<ReferenceSet> | undefined;
  /** Pages in colouring with it. */
  users: number;
  /** Pages that will want it. */
  toCome: number;
}

/** Sets that nobody uses at the moment and that pages to come will want; the least recently used one goes first. */
const IDLE_SETS = 1;

const log = getLogger("batch");

export class PageReferences implements Disposable {
  readonly #own = new Map<string, OwnSet>();

  /**
   * @param batch the set of all pages without references of their own; disposed with this
   * @param warn told of references that cannot be read
   * @param recursive whether folders inside folders are read too
   */
  constructor(
    readonly engine: Engine,
    readonly batch: ReferenceSet,
    readonly warn: (message: string) => void,
    readonly recursive = false,
  ) {}

  /** Announces pages, so that it is known which is the last with its references. */
  expect(pages: Iterable<PageSettings>): void {
    for (const { referenceImages } of pages) if (referenceImages !== undefined) this.#set(referenceImages).toCome++;
  }

  /** Told of every page that has an outcome. */
  done({ referenceImages }: PageSettings): void {
    if (referenceImages === undefined) return;
    this.#set(referenceImages).toCome--;
    this.#tidy();
  }

  /**
   * Lends a page its references while it is coloured.
   * @throws ConfigurationError `ERR_NO_REFERENCES` when none of the page's own can be read, and errors of the paths
   */
  async lend<T>(
    { referenceImages }: PageSettings,
    signal: AbortSignal,
    work: (references: ReferenceSet) => Promise<T>,
  ): Promise<T> {
    if (referenceImages === undefined) return work(this.batch);
    const key = keyOf(referenceImages);
    const set = this.#set(referenceImages);
    this.#own.delete(key);
    this.#own.set(key, set); // the last one used is the last one
    set.users++;
    try {
      set.opening ??= this.#open(referenceImages, set);
      const references = await set.opening;
      signal.throwIfAborted();
      return await work(references);
    } finally {
      set.users--;
      this.#tidy();
    }
  }

  #set(paths: readonly string[]): OwnSet {
    const key = keyOf(paths);
    const set = this.#own.get(key) ?? { opening: undefined, users: 0, toCome: 0 };
    this.#own.set(key, set);
    return set;
  }

  /** Shared by pages, so that none of them cancels it. A failed opening may be tried again. */
  async #open(paths: readonly string[], set: OwnSet): Promise<ReferenceSet> {
    try {
      const { references, warnings } = await readReferences(
        this.engine,
        paths,
        new AbortController().signal,
        this.recursive,
      );
      for (const message of warnings) this.warn(message);
      log.debug({ references: references.map(({ name }) => name) }, "references of single pages opened");
      return this.engine.references(references);
    } catch (error) {
      set.opening = undefined;
      throw error;
    }
  }

  #tidy(): void {
    const idle = [...this.#own.values()].filter(({ opening, users }) => opening !== undefined && users === 0);
    const wanted = idle.filter(({ toCome }) => toCome > 0);
    for (const set of [
      ...idle.filter(({ toCome }) => toCome <= 0),
      ...wanted.slice(0, Math.max(0, wanted.length - IDLE_SETS)),
    ])
      close(set);
  }

  /** How many sets of single pages are open, for tests. */
  get open(): number {
    return [...this.#own.values()].filter(({ opening }) => opening !== undefined).length;
  }

  [Symbol.dispose](): void {
    for (const set of this.#own.values()) close(set);
    this.batch.dispose();
  }
}

function close(set: OwnSet): void {
  set.opening?.then(
    (references) => references.dispose(),
    () => undefined,
  );
  set.opening = undefined;
}

function keyOf(paths: readonly string[]): string {
  return JSON.stringify(paths);
}
