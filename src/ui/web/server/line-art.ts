/** Shows the line art of pages. */
import { readFile } from "node:fs/promises";
import type { Style } from "../../../config/batch-config.js";
import type { OpenedPicture } from "../jobs/types.js";
import type { LazyEngine } from "./lazy-engine.js";
import { Semaphore } from "./semaphore.js";

/** Pages whose lines may be waited for. */
const MOST_WAITING = 64;

/** Extracts line art, one page at a time. */
export class LineArt {
  readonly #engine: LazyEngine;
  readonly #turns = new Semaphore(1, MOST_WAITING);

  constructor(engine: LazyEngine) {
    this.#engine = engine;
  }

  /**
   * The line art of a page as a PNG.
   * @param open opens the page; called when its turn comes
   * @param style default: as the engine's own
   */
  get(open: () => Promise<OpenedPicture>, style: Style | undefined): Promise<{ bytes: Uint8Array; version: string }> {
    return this.#turns.run(async () => {
      const [page, engine] = await Promise.all([open(), this.#engine.open()]);
      const wanted = style ?? engine.styles.find((one) => one === "line + shadow") ?? engine.styles[0]!;
      const bytes = page.bytes ?? new Uint8Array(await readFile(page.path!));
      const { image } = await engine.pool.decode(new Uint8Array(bytes), page.name, { keepGray: true });
      const lines = await engine.extractLines(image, wanted);
      const file = await engine.pool.encode(lines, { format: "png" }, page.name);
      return { bytes: file, version: `${page.version}-${engine.model.hash.slice(0, 8)}-${wanted.replace(/\W/g, "")}` };
    });
  }
}
