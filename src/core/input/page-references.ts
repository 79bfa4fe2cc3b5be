/**
 * The references of a batch's pages: the batch's own for most, a list of their own for pages that name others. Pages
 * with the same list share it; it is read when the first of them starts and released when the last is done.
 */
import type { PageReference } from "../../colorization/request/page-request.js";
import type { ReferenceFile } from "../../colorization/reference-store.js";
import type { PageSettings } from "../../config/batch-config.js";
import type { BatchEngine } from "../batch-engine.js";
import type { Notice } from "../../errors/notice.js";
import { readReferences } from "./read-references.js";

interface OwnList {
  reading: Promise<{ readonly references: readonly PageReference[]; readonly hold: Disposable }> | undefined;
  /** Pages that will want it. */
  toCome: number;
}

export class PageReferences implements Disposable {
  readonly #engine: Pick<BatchEngine, "pool" | "referenceStore">;
  readonly #warn: (notice: Notice) => void;
  readonly #recursive: boolean;
  readonly #batch: readonly PageReference[];
  readonly #hold: Disposable;
  readonly #own = new Map<string, OwnList>();

  /**
   * @param batch the references of all pages without references of their own
   * @param warn told of references that cannot be read
   * @param recursive whether folders inside folders are read too
   */
  constructor(
    engine: Pick<BatchEngine, "pool" | "referenceStore">,
    batch: readonly ReferenceFile[],
    warn: (notice: Notice) => void,
    recursive = false,
  ) {
    this.#engine = engine;
    this.#recursive = recursive;
    this.#warn = warn;
    this.#batch = named(batch);
    this.#hold = engine.referenceStore.hold(batch, { pinned: true });
  }

  /** Told of the pages that will come. */
  expect(pages: Iterable<PageSettings>): void {
    for (const { referenceImages } of pages) if (referenceImages !== undefined) this.#list(referenceImages).toCome++;
  }

  /** Told of every page that has an outcome. */
  done({ referenceImages }: PageSettings): void {
    if (referenceImages === undefined) return;
    const list = this.#list(referenceImages);
    if (--list.toCome <= 0) letGo(list);
  }

  /**
   * The references of a page, held in the engine's store.
   * @param own paths of the page's own
   * @throws ConfigurationError `ERR_NO_REFERENCES` when none of the page's own can be read, and errors of the paths
   */
  async of(own: PageSettings["referenceImages"]): Promise<readonly PageReference[]> {
    if (own === undefined) return this.#batch;
    const list = this.#list(own);
    list.reading ??= this.#read(own, list);
    return (await list.reading).references;
  }

  #list(paths: readonly string[]): OwnList {
    const key = JSON.stringify(paths);
    const list = this.#own.get(key) ?? { reading: undefined, toCome: 0 };
    this.#own.set(key, list);
    return list;
  }

  /** Shared by pages, so that none of them cancels it. A failed reading may be tried again. */
  async #read(paths: readonly string[], list: OwnList): Promise<{ references: PageReference[]; hold: Disposable }> {
    try {
      const { references, warnings } = await readReferences(
        this.#engine.pool,
        paths,
        new AbortController().signal,
        this.#recursive,
      );
      for (const notice of warnings) this.#warn(notice);
      return { references: named(references), hold: this.#engine.referenceStore.hold(references) };
    } catch (error) {
      list.reading = undefined;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const list of this.#own.values()) letGo(list);
    this.#hold[Symbol.dispose]();
  }
}

function named(files: readonly ReferenceFile[]): PageReference[] {
  return files.map(({ name, hash }) => ({ name, hash }));
}

function letGo(list: OwnList): void {
  list.reading?.then(
    ({ hold }) => hold[Symbol.dispose](),
    () => undefined,
  );
  list.reading = undefined;
}
