/** A signal that follows another one after a while: until then, what was asked to end may end by itself. */
import { onAbort } from "./on-abort.js";

export class LaterSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #forget: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param first when it is aborted, this one is `afterMs` later, with the same reason */
  constructor(first: AbortSignal, afterMs: number) {
    this.#forget = onAbort(first, () => {
      this.#timer = setTimeout(() => this.#controller.abort(first.reason), afterMs);
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** It follows no more. */
  [Symbol.dispose](): void {
    this.#forget();
    clearTimeout(this.#timer);
  }
}
