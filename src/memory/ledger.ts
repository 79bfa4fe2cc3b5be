/**
 * The accounts of memory: what is reserved and held, and by whom. A reservation is a promise to take memory; it is
 * committed when the memory has been taken and released when it is given back. At any time free + reserved + held =
 * total; free is below 0 if more is held than there is.
 */
import { BatchProcessingError } from "../errors.js";
import { checkArgument } from "../errors/arguments.js";
import { CHANNELS } from "../observe/channels.js";

/** Where a booking is. */
export type BookingState = "reserved" | "held" | "released";

/** One entry of the ledger; releases itself at the end of a `using` block. */
export interface Booking extends Disposable {
  readonly owner: string;
  readonly bytes: number;
  readonly state: BookingState;
  /** The memory was taken: `bytes` of it, default as many as were reserved. @throws `ERR_STATE` unless reserved */
  commit(bytes?: number): void;
  /** What is held has another size now. @throws `ERR_STATE` unless held */
  resize(bytes: number): void;
  /** The memory is given back. Idempotent. */
  release(): void;
}

/** The accounts at one moment, in bytes. */
export interface LedgerSnapshot {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly reservedBytes: number;
  readonly heldBytes: number;
  /** Bookings that are not released. */
  readonly bookings: number;
  readonly owners: Readonly<Record<string, { readonly bytes: number; readonly bookings: number }>>;
}

/** Bookings of one engine. `freeBytes` is what none of them has. */
export class MemoryLedger {
  #totalBytes: number;
  #reservedBytes = 0;
  #heldBytes = 0;
  readonly #open = new Set<Entry>();

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  /** There is more or less memory than before. */
  set totalBytes(bytes: number) {
    checkBytes(bytes);
    this.#totalBytes = bytes;
  }

  /** What is neither reserved nor held; below 0 where more was held than there is. */
  get freeBytes(): number {
    return this.#totalBytes - this.#reservedBytes - this.#heldBytes;
  }

  /** Books bytes for an owner, whether they are free or not. @throws ValidationError `ERR_ARGUMENT` */
  reserve(owner: string, bytes: number): Booking {
    checkArgument(typeof owner === "string", "the owner", owner, "a string");
    checkBytes(bytes);
    const entry = new Entry(owner, bytes, (from, fromBytes, to, toBytes) =>
      this.#move(entry, from, fromBytes, to, toBytes),
    );
    this.#open.add(entry);
    this.#reservedBytes += bytes;
    this.#publish(owner, "reserved", bytes);
    return entry;
  }

  /** Books memory that was taken already. */
  hold(owner: string, bytes: number): Booking {
    const booking = this.reserve(owner, bytes);
    booking.commit();
    return booking;
  }

  #move(entry: Entry, from: BookingState, fromBytes: number, to: BookingState, toBytes: number): void {
    if (from === "reserved") this.#reservedBytes -= fromBytes;
    if (from === "held") this.#heldBytes -= fromBytes;
    if (to === "held") this.#heldBytes += toBytes;
    if (to === "released") this.#open.delete(entry);
    this.#publish(entry.owner, to, to === "released" ? fromBytes : toBytes);
  }

  #publish(owner: string, state: BookingState, bytes: number): void {
    if (!CHANNELS.memory.isWatched) return;
    const [heldBytes, reservedBytes, freeBytes] = [this.#heldBytes, this.#reservedBytes, this.freeBytes];
    CHANNELS.memory.publish({ owner, state, bytes, heldBytes, reservedBytes, freeBytes });
  }

  /** Sums over the bookings themselves, so that a test can hold them against the running totals. */
  snapshot(): LedgerSnapshot {
    const owners: Record<string, { bytes: number; bookings: number }> = {};
    for (const { owner, bytes } of this.#open) {
      const sum = (owners[owner] ??= { bytes: 0, bookings: 0 });
      sum.bytes += bytes;
      sum.bookings++;
    }
    return {
      totalBytes: this.#totalBytes,
      freeBytes: this.freeBytes,
      reservedBytes: this.#reservedBytes,
      heldBytes: this.#heldBytes,
      bookings: this.#open.size,
      owners,
    };
  }
}

function checkBytes(bytes: number): void {
  checkArgument(typeof bytes === "number" && bytes >= 0, "the number of bytes", bytes, "a number of 0 or more");
}

type Move = (from: BookingState, fromBytes: number, to: BookingState, toBytes: number) => void;

class Entry implements Booking {
  state: BookingState = "reserved";
  readonly #move: Move;

  constructor(
    readonly owner: string,
    public bytes: number,
    move: Move,
  ) {
    this.#move = move;
  }

  commit(bytes = this.bytes): void {
    this.#change("reserved", "held", bytes);
  }

  resize(bytes: number): void {
    this.#change("held", "held", bytes);
  }

  release(): void {
    if (this.state === "released") return;
    this.#change(this.state, "released", 0);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #change(from: BookingState, to: BookingState, bytes: number): void {
    if (this.state !== from)
      throw new BatchProcessingError(
        "ERR_STATE",
        `the booking of ${this.owner} is ${this.state} and not ${from}; it cannot become ${to}`,
      );
    checkBytes(bytes);
    this.#move(from, this.bytes, to, bytes);
    this.state = to;
    this.bytes = bytes;
  }
}
