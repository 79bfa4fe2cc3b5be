/** Progress of a page in the queue: told by its worker, read by whoever waits for it. */
import type { Job } from "bullmq";
import { z } from "zod";
import type { PageProgress } from "../../colorization/request/page-request.js";
import { PAGE_STAGES } from "../../colorization/cobra/page-stages.js";
import type { PageJob } from "./farm-queue.js";

/** Between two tellings of one page. */
const GAP_MS = 500;

const count = z.int().min(0);
const progressSchema = z.object({
  phase: z.enum(["decode", "colour", "encode"]),
  stage: z.enum(PAGE_STAGES),
  step: count.optional(),
  steps: count.optional(),
  device: z.string().max(500).optional(),
});

/** What a worker has told; undefined for what is no progress. */
export function parseProgress(told: unknown): PageProgress | undefined {
  const { data } = progressSchema.safeParse(told);
  if (data === undefined) return undefined;
  const { step, steps, device, ...rest } = data;
  return {
    ...rest,
    ...(step === undefined ? {} : { step }),
    ...(steps === undefined ? {} : { steps }),
    ...(device === undefined ? {} : { device }),
  };
}

/** Tells the progress of one page: the latest, a few times a second, and never more than one at once. */
export class ProgressTeller implements Disposable {
  readonly #job: Pick<Job<PageJob>, "updateProgress">;
  #next: PageProgress | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #ended = false;

  constructor(job: Pick<Job<PageJob>, "updateProgress">) {
    this.#job = job;
  }

  tell(progress: PageProgress): void {
    this.#next = progress;
    this.#send();
  }

  #send(): void {
    if (this.#busy || this.#timer !== undefined || this.#next === undefined || this.#ended) return;
    const progress = this.#next;
    this.#next = undefined;
    this.#busy = true;
    // A page whose job is gone, or a queue that is away: nobody waits for this.
    void Promise.resolve(this.#job.updateProgress(progress))
      .catch(() => {})
      .finally(() => {
        this.#busy = false;
        if (this.#ended) return;
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#send();
        }, GAP_MS);
      });
  }

  /** The page is done: what was not told is not told any more. */
  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}
