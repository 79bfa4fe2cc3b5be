/**
 * The latest events, so that a reader that comes back continues where it was. Ids are those of this process: after a
 * restart of the server everything is to be read again.
 */
import { randomBytes } from "node:crypto";

/** An event in the form in which it is sent. */
export interface Frame {
  readonly id: number;
  /** The job it is about; undefined for all. */
  readonly job: string | undefined;
  readonly bytes: Buffer;
}

export interface RingLimits {
  readonly keptEvents: number;
  readonly keptEventBytes: number;
}

/** Keeps events up to a number and a size. */
export class EventRing {
  readonly #limits: RingLimits;
  readonly #run = randomBytes(6).toString("hex");
  /** In their order; ids have no gaps. */
  #frames: Frame[] = [];
  #bytes = 0;
  #last = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  /** Id of the latest event. */
  get lastId(): string {
    return this.#idOf(this.#last);
  }

  /** Adds an event. */
  add(job: string | undefined, data: string): Frame {
    const id = ++this.#last;
    const frame = { id, job, bytes: Buffer.from(`id: ${this.#idOf(id)}\ndata: ${data}\n\n`) };
    this.#frames.push(frame);
    this.#bytes += frame.bytes.byteLength;
    let dropped = 0;
    while (this.#frames.length - dropped > this.#limits.keptEvents || this.#bytes > this.#limits.keptEventBytes)
      this.#bytes -= this.#frames[dropped++]!.bytes.byteLength;
    if (dropped > 0) this.#frames = this.#frames.slice(dropped);
    return frame;
  }

  /** The events after one; undefined where some of them are not kept any more, or the id is not of this process. */
  since(id: string): readonly Frame[] | undefined {
    const [, run, number = ""] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(id) ?? [];
    const last = Number(number);
    if (run !== this.#run || last > this.#last) return undefined;
    const first = this.#frames[0]?.id ?? this.#last + 1;
    if (last + 1 < first) return undefined;
    return this.#frames.slice(last + 1 - first);
  }

  #idOf(number: number): string {
    return `${this.#run}-${number}`;
  }
}
