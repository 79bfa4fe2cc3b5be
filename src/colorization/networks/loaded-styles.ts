/**
 * Loads and unloads the weights of each style (in small packages: its networks). A change of style swaps only those;
 * what the styles share stays.
 */
import type { Style } from "../../config/batch-config.js";
import type { Networks } from "./networks.js";

/** Counts the pages of each style. */
export class LoadedStyles {
  readonly #networks: Networks;
  readonly #keepAll: boolean;
  readonly #pages = new Map<Style, number>();
  #latest: Style | undefined;

  /** @param keepAll keep what belongs to a style that no page is coloured in any more */
  constructor(networks: Networks, keepAll: boolean) {
    this.#networks = networks;
    this.#keepAll = keepAll;
  }

  /** A page of a style begins. Call what it returns when the page is over. */
  begin(style: Style): () => void {
    this.#pages.set(style, (this.#pages.get(style) ?? 0) + 1);
    this.#latest = style;
    this.#closeIdle();
    return () => {
      this.#pages.set(style, this.#pages.get(style)! - 1);
      this.#closeIdle();
    };
  }

  #closeIdle(): void {
    if (this.#keepAll) return;
    for (const [style, pages] of this.#pages) {
      if (pages > 0 || style === this.#latest) continue;
      this.#pages.delete(style);
      this.#networks.closeStyle(style);
    }
  }
}
