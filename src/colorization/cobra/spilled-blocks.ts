/**
 * Blocks of keys and values that a device has no room for, on the host: bringing one back is quicker than computing it
 * again on all but the fastest devices.
 */
import { Tensor } from "../../binding/index.js";
import type { LowerTier } from "../../memory/lease-cache.js";
import type { Booking, MemoryLedger } from "../../memory/ledger.js";

/** Until a copy was timed: what a slow PCIe link moves in a millisecond. */
const START_BYTES_PER_MS = 4e6;

/** What spilled blocks are made with. */
interface SpilledBlocksOptions {
  /** The host's ledger. */
  readonly ledger: MemoryLedger;
  /** What the host can spare for a block. */
  readonly freeBytes: () => number;
  /** An empty tensor on the device, of a block's shape. */
  readonly allocate: (like: Tensor) => Promise<Tensor>;
}

interface Spilled {
  readonly tensor: Tensor;
  readonly booking: Booking;
}

/** Blocks by key, the least recently spilled one dropped first. */
export class SpilledBlocks implements LowerTier<Tensor> {
  readonly #options: SpilledBlocksOptions;
  readonly #blocks = new Map<string, Spilled>();
  /** Copies that are on their way down. */
  readonly #sinking = new Map<string, Promise<void>>();
  #bytesPerMs = START_BYTES_PER_MS;

  constructor(options: SpilledBlocksOptions) {
    this.#options = options;
  }

  /** Bytes on the host. */
  get heldBytes(): number {
    return [...this.#blocks.values()].reduce((sum, { tensor }) => sum + tensor.byteLength, 0);
  }

  keep(key: string, value: Tensor, costMs: number): Promise<void> {
    // Down now and up later.
    const isWorthwhile = (2 * value.byteLength) / this.#bytesPerMs < costMs;
    if (!isWorthwhile || !this.#makeRoom(value.byteLength)) return Promise.resolve();
    const sinking = this.#copyDown(key, value).finally(() => this.#sinking.delete(key));
    this.#sinking.set(key, sinking);
    return sinking;
  }

  async #copyDown(key: string, value: Tensor): Promise<void> {
    const booking = this.#options.ledger.hold("references on the host", value.byteLength);
    try {
      const tensor = Tensor.alloc(value.dtype, value.dims);
      await this.#copy(value, tensor);
      this.#blocks.set(key, { tensor, booking });
    } catch (error) {
      booking.release();
      throw error;
    }
  }

  async take(key: string): Promise<Tensor | undefined> {
    await this.#sinking.get(key)?.catch(() => undefined);
    const spilled = this.#blocks.get(key);
    if (spilled === undefined) return undefined;
    this.#blocks.delete(key);
    try {
      const tensor = await this.#options.allocate(spilled.tensor);
      await this.#copy(spilled.tensor, tensor);
      return tensor;
    } finally {
      free(spilled);
    }
  }

  async #copy(from: Tensor, to: Tensor): Promise<void> {
    const startedMs = performance.now();
    await from.copyTo(to);
    this.#bytesPerMs = from.byteLength / Math.max(0.01, performance.now() - startedMs);
  }

  /** Whether the host has room, with older blocks dropped where it has not. */
  #makeRoom(bytes: number): boolean {
    for (const [key, spilled] of this.#blocks) {
      if (this.#options.freeBytes() >= bytes) break;
      this.#blocks.delete(key);
      free(spilled);
    }
    return this.#options.freeBytes() >= bytes;
  }

  clear(): void {
    for (const spilled of this.#blocks.values()) free(spilled);
    this.#blocks.clear();
  }
}

function free({ tensor, booking }: Spilled): void {
  tensor.dispose();
  booking.release();
}
