/** A queue that is served in order, with a limited number of turns at once. */
import { onAbort } from "../../concurrency/on-abort.js";
import { ValidationError } from "../../errors.js";
import { logContext } from "../../logging.js";
import { CHANNELS, type QueueWait } from "../../observe/channels.js";

/** A place in a line. It is given up with `end`, whether its time has come or not. */
interface Turn {
  /**
   * Waits until all places before this one were served or given up, and there is room. Rejects with the signal's
   * reason.
   */
  begin(signal?: AbortSignal): Promise<void>;
  /** Makes room for the next one. Idempotent. */
  end(): void;
}

interface Place {
  state: "reserved" | "waiting" | "inside" | "ended";
  resolve?: () => void;
  reject?: (reason: unknown) => void;
}

/** Serves turns in the order in which they were taken, whoever asks to begin first. */
export class Turns {
  readonly #limit: () => number;
  readonly #name: QueueWait["queue"];
  readonly #line: Place[] = [];
  #inside = 0;

  /**
   * @param limit turns that may be inside at once; asked whenever one may begin, so the number may change
   * @param name what the line is called in `CHANNELS.queue`; default "ahead"
   */
  constructor(limit: () => number, name: QueueWait["queue"] = "ahead") {
    this.#name = name;
    this.#limit = limit;
  }

  /** Takes a place at the end of the line. */
  take(): Turn {
    const place: Place = { state: "reserved" };
    this.#line.push(place);
    return {
      begin: (signal) => this.#begin(place, signal),
      end: () => this.#end(place),
    };
  }

  async #begin(place: Place, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) this.#end(place);
    signal?.throwIfAborted();
    if (place.state === "inside") return;
    const queuedMs = performance.now();
    const forget = onAbort(signal, () => {
      place.reject?.(signal?.reason);
      this.#end(place);
    });
    try {
      await new Promise<void>((resolve, reject) => {
        Object.assign(place, { state: "waiting", resolve, reject });
        queueMicrotask(() => this.#advance()); // so that those who are let in together go on in their order
      });
      if (CHANNELS.queue.isWatched)
        CHANNELS.queue.publish({ queue: this.#name, waitMs: performance.now() - queuedMs, ...logContext() });
    } finally {
      forget();
    }
  }

  #end(place: Place): void {
    if (place.state === "ended") return;
    if (place.state === "inside") this.#inside--;
    place.state = "ended";
    this.#advance();
  }

  #advance(): void {
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      if (first.state === "reserved") return;
      if (first.state === "waiting" && !this.#admit(first)) return;
      this.#line.shift();
    }
  }

  /** Whether the place is served; one that meets a bad limit is refused. */
  #admit(place: Place): boolean {
    const limit = this.#limit();
    if (!Number.isInteger(limit) || limit < 1) {
      place.state = "ended";
      place.reject!(
        new ValidationError(
          "ERR_ARGUMENT",
          `the number of pages in flight is ${limit}; it must be a whole number above 0`,
        ),
      );
      return true;
    }
    if (this.#inside >= limit) return false;
    this.#inside++;
    place.state = "inside";
    place.resolve!();
    return true;
  }
}
