/**
 * Disconnects clients that send a request body too slowly (Slowloris). Heads of requests are Node's own business
 * (`headersTimeout`).
 */
import type { IncomingMessage } from "node:http";

export interface SlowLimits {
  readonly bodyMs: number;
  readonly slowBytes: number;
  readonly slowMs: number;
}

interface Watched {
  readonly isLong: boolean;
  readonly beganMs: number;
  windowMs: number;
  windowBytes: number;
}

const LOOK_MS = 1000;

/** Watches the bodies that are on their way. */
export class SlowBodies {
  readonly #limits: SlowLimits;
  readonly #bodies = new Map<IncomingMessage, Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(limits: SlowLimits) {
    this.#limits = limits;
    this.#timer = setInterval(
      () => this.#look(performance.now()),
      Math.min(LOOK_MS, limits.slowMs, limits.bodyMs),
    ).unref();
  }

  /** Watches a request that has a body. @param isLong an upload, which may take long as long as it moves */
  watch(request: IncomingMessage, isLong: boolean): void {
    const now = performance.now();
    this.#bodies.set(request, { isLong, beganMs: now, windowMs: now, windowBytes: request.socket.bytesRead });
    request.once("close", () => this.#bodies.delete(request));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(now: number): void {
    for (const [request, watched] of this.#bodies) {
      if (request.complete || request.destroyed) {
        this.#bodies.delete(request);
        continue;
      }
      const tooLong = !watched.isLong && now - watched.beganMs > this.#limits.bodyMs;
      const isOver = now - watched.windowMs > this.#limits.slowMs;
      const { bytesRead } = request.socket;
      // What waits in a full buffer is not the client's delay.
      const tooSlow =
        isOver && bytesRead - watched.windowBytes < this.#limits.slowBytes && request.readableLength === 0;
      if (tooLong || tooSlow) request.socket.destroy();
      else if (isOver) Object.assign(watched, { windowMs: now, windowBytes: bytesRead });
    }
  }
}
