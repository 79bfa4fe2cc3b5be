/** Shows the line art of pages. */
import { readFile } from "node:fs/promises";
import type { Style } from "../../../config/batch-config.js";
import type { OpenedPicture } from "../jobs/types.js";
import type { Backend } from "./backend.js";
import { Semaphore } from "./semaphore.js";

/** Pages whose lines may be waited for. */
const MOST_WAITING = 64;

/** Extracts line art, one page at a time. */
export class LineArt {
  readonly #backend: Pick<Backend, "lines">;
  readonly #turns = new Semaphore(1, MOST_WAITING);

  constructor(backend: Pick<Backend, "lines">) {
    this.#backend = backend;
  }

  /**
   * The line art of a page as a PNG.
   * @param open opens the page; called when its turn comes
   * @param style default: as the engine's own
   */
  get(open: () => Promise<OpenedPicture>, style: Style | undefined): Promise<{ bytes: Uint8Array; version: string }> {
    return this.#turns.run(async () => {
      const page = await open();
      const file = page.bytes ?? new Uint8Array(await readFile(page.path!));
      const { bytes, version } = await this.#backend.lines(file, page.name, style);
      return { bytes, version: `${page.version}-${version}` };
    });
  }
}
