/** State of a preview: the first pages of a batch, coloured for approval, and the user's decision. */
import type { PageConfig } from "../../config/batch-config.js";
import { BatchProcessingError } from "../../errors.js";
import type { PreviewResult } from "../events.js";

/** What is decided: continue (of a grid with one of its seeds), or make it again with other settings. */
export type PreviewDecision =
  | { readonly type: "approve"; readonly seed?: number }
  | { readonly type: "reject"; readonly settings: PageConfig };

/**
 * The settings of the next try: those that were asked for, else the next seeds, as the same settings would give the
 * same pictures.
 */
export function settingsOfNextTry(
  { settings, seeds }: Pick<PreviewResult, "settings" | "seeds">,
  wanted: PageConfig = {},
): PageConfig {
  if (Object.keys(wanted).length > 0) return wanted;
  return { seed: Math.max(settings.seed, ...(seeds?.pictures ?? []).map(({ seed }) => seed)) + 1 };
}

/**
 * The settings that an approval adds: the chosen seed of a grid.
 * @throws BatchProcessingError `ERR_ARGUMENT` for no seed or one that the preview does not show
 */
export function settingsOfApproval({ seeds }: Pick<PreviewResult, "seeds">, seed: number | undefined): PageConfig {
  const shown = [...new Set((seeds?.pictures ?? []).map((picture) => picture.seed))];
  if (shown.length === 0) {
    if (seed === undefined) return {};
    throw new BatchProcessingError(
      "ERR_ARGUMENT",
      `the preview shows no seeds to choose from, so seed ${seed} cannot be approved; reject it with seed ${seed} to see it first`,
    );
  }
  if (seed !== undefined && shown.includes(seed)) return { seed };
  throw new BatchProcessingError(
    "ERR_ARGUMENT",
    `the preview shows the seeds ${shown.join(", ")}; ${seed === undefined ? "say which of them is approved" : `${seed} is none of them`}`,
  );
}

/** The place where a batch waits for the decision. One preview waits at a time. */
export class PreviewGate {
  #result: PreviewResult | undefined;
  #left: PreviewResult | undefined;
  #resolve: ((decision: PreviewDecision | undefined) => void) | undefined;

  get waiting(): boolean {
    return this.#resolve !== undefined;
  }

  /** What waits or was decided last; undefined before the first preview. */
  get result(): PreviewResult | undefined {
    return this.#result;
  }

  /** Waits for the decision; undefined when the batch ends without one. */
  wait(result: PreviewResult): Promise<PreviewDecision | undefined> {
    this.#result = result;
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Throws `ERR_STATE` when no preview waits, `ERR_ARGUMENT` for a seed that is not shown. */
  approve(seed?: number): void {
    const { result, resolve } = this.#open("approved");
    settingsOfApproval(result, seed);
    resolve({ type: "approve", ...(seed === undefined ? {} : { seed }) });
  }

  /** Throws `ERR_STATE` when no preview waits. */
  reject(settings?: PageConfig): void {
    const { result, resolve } = this.#open("rejected");
    resolve({ type: "reject", settings: settingsOfNextTry(result, settings) });
  }

  /** The batch ends; a preview that waits is left waiting. */
  leave(): void {
    if (this.waiting) this.#left = this.#result;
    this.#take()?.(undefined);
  }

  /** The preview that was left waiting. */
  get left(): PreviewResult | undefined {
    return this.#left;
  }

  #open(what: string): { result: PreviewResult; resolve: (decision: PreviewDecision) => void } {
    if (this.#result === undefined || this.#resolve === undefined) {
      throw new BatchProcessingError(
        "ERR_STATE",
        `no preview waits, so none can be ${what}; isWaitingForPreviewApproval() says when one does`,
      );
    }
    return { result: this.#result, resolve: (decision) => this.#take()?.(decision) };
  }

  #take(): ((decision: PreviewDecision | undefined) => void) | undefined {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    return resolve;
  }
}
