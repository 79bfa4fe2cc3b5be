/** Bindings: tensors bound to a session once, for many runs. */
import { BatchProcessingError } from "../../errors.js";
import type { NativeBinding } from "../types.js";
import { runJob } from "./jobs.js";

/** Tensors bound to a session's inputs and outputs once, to run many times without looking anything up. */
export class Binding implements Disposable {
  #native: NativeBinding | undefined;

  /** For src/binding only; use `InferenceSession.bind`. */
  constructor(native: NativeBinding) {
    this.#native = native;
  }

  /** The addon's binding, for src/binding only. @throws BatchProcessingError `ERR_DISPOSED` */
  native(): NativeBinding {
    if (!this.#native)
      throw new BatchProcessingError("ERR_DISPOSED", "the binding was disposed", {
        remedy: "keep it until its last run",
      });
    return this.#native;
  }

  /**
   * One run: reads the bound inputs as they are then and writes the bound outputs.
   * @throws InferenceError `ERR_RUN`, `ERR_DEVICE_LOST`; ResourceError `ERR_OUT_OF_MEMORY`; `ERR_DISPOSED`; the
   * signal's reason
   */
  async run(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const native = this.native();
    await runJob<undefined>((settle) => native.run(settle), options.signal);
  }

  /** Gives the tensors back. Idempotent; safe while it runs. */
  dispose(): void {
    this.#native?.dispose();
    this.#native = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
