/** References are put into the store of a farm when the first page needs them, each once. */
import type { ReferenceFile } from "../../colorization/reference-store.js";
import type { PageReference } from "../../colorization/request/page-request.js";
import { isPageFailure, makeError } from "../../errors.js";

export class KeptReferences {
  readonly #keep: (bytes: Uint8Array) => Promise<string>;
  readonly #files = new Map<string, ReferenceFile["read"]>();
  readonly #kept = new Map<string, Promise<unknown>>();

  /** @param keep stores a file and gives its hash */
  constructor(keep: (bytes: Uint8Array) => Promise<string>) {
    this.#keep = keep;
  }

  hold(files: readonly ReferenceFile[]): Disposable {
    for (const { hash, read } of files) this.#files.set(hash, read);
    return { [Symbol.dispose]: () => {} };
  }

  /** Resolves when the store has them. One that failed is tried again by the next page. */
  async kept(references: readonly PageReference[]): Promise<void> {
    await Promise.all(
      references.map(async ({ name, hash }) => {
        try {
          await this.#one(hash);
        } catch (error) {
          if (!isPageFailure(error)) throw error;
          const { code, message, remedy } = error;
          throw makeError(code, `the reference ${name}: ${message}`, { remedy });
        }
      }),
    );
  }

  #one(hash: string): Promise<unknown> | undefined {
    const read = this.#files.get(hash);
    if (read === undefined) return this.#kept.get(hash);
    this.#files.delete(hash);
    const kept = read().then(this.#keep);
    this.#kept.set(hash, kept);
    kept.catch(() => {
      this.#files.set(hash, read);
      this.#kept.delete(hash);
    });
    return kept;
  }
}
