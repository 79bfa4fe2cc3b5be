/**
 * The coloured references of a batch: their patches and embeddings for each bucket, and, on each device, their keys and
 * values.
 */
import { createHash } from "node:crypto";
import type { RasterImage } from "../../binding/raster.js";
import type { Style } from "../../config/batch-config.js";
import { checkMaker } from "../../errors/arguments.js";
import type { CacheLease, LeaseCacheStats } from "../../memory/lease-cache.js";
import type { Tensor } from "../../binding/index.js";
import { bucketName, type Bucket } from "../../model/buckets.js";
import type { DeviceLane } from "../devices/device-lane.js";
import type { Networks } from "../networks/networks.js";
import type { RunTask } from "../tasks/table.js";
import { abortable } from "../../concurrency/abortable.js";
import { oneAhead } from "../../concurrency/one-ahead.js";
import { encoderValues } from "../tasks/network-pictures.js";
import { imageHash, imageHashInPieces } from "./image-hash.js";
import { PATCHES } from "./retrieval.js";
import { ReferenceBlocks, type HostRoom, type ChosenPatch, type ReferencePatch } from "./reference-blocks.js";

/** A coloured picture and what to call it. */
export interface ReferenceImage {
  name: string;
  image: RasterImage;
}

/** How a set is made. */
export interface ReferenceSetOptions {
  /** What the cache of a device may keep. Default: what the device has free. */
  readonly cacheBytes: number | undefined;
  /** Takes blocks that a device has no room for. */
  readonly host: HostRoom;
  /** Told of each device's cache. @returns takes it out again */
  readonly addCache: (cache: ReferenceBlocks["cache"]) => () => void;
}

/** @internal Only `Engine.references` uses it. */
export const BY_ENGINE = Symbol("Engine.references");

/** References of a batch. Owns the caches of K/V; `dispose()` frees them once nothing is lent. */
export class ReferenceSet implements Disposable {
  readonly names: readonly string[];
  readonly #runTask: RunTask;
  readonly #references: readonly ReferenceImage[];
  readonly #buckets = new Map<string, Promise<ReferencePatch[]>>();
  readonly #blocks = new Map<DeviceLane, ReferenceBlocks>();
  readonly #options: ReferenceSetOptions;
  #forget: (() => void)[] = [];
  #hash: string | undefined;
  #disposed = false;

  /** @internal Sets are made by `Engine.references`. */
  constructor(key: symbol, runTask: RunTask, references: readonly ReferenceImage[], options: ReferenceSetOptions) {
    checkMaker("a ReferenceSet", key, BY_ENGINE, "engine.references(images)");
    this.#runTask = runTask;
    this.#references = references;
    this.#options = options;
    this.names = references.map((reference) => reference.name);
  }

  /** Hash of all references' names, contents and order; computed, in place, when it is first asked for. */
  get hash(): string {
    this.#hash ??= hashOf(this.#references, (image) => contentHashes.get(image) ?? imageHash(image));
    return this.#hash;
  }

  /**
   * Patches and embeddings for a bucket, computed once. What pages share is never cancelled by one of them; only their
   * waiting is.
   * @param networks of the device that embeds them, where they are not there yet
   * @internal
   */
  patches(bucket: Bucket, networks: Networks, signal?: AbortSignal): Promise<ReferencePatch[]> {
    const key = bucketName(bucket);
    let preparing = this.#buckets.get(key);
    if (!preparing) {
      preparing = this.#prepare(bucket, networks);
      this.#buckets.set(key, preparing);
      preparing.catch(() => this.#buckets.delete(key)); // the next page may try again
    }
    return abortable(preparing, signal);
  }

  async #prepare(bucket: Bucket, networks: Networks): Promise<ReferencePatch[]> {
    const all: ReferencePatch[] = [];
    const { planes } = networks;
    const encoder = networks.model.manifest.imageEncoder;
    const cut = async ({ image }: ReferenceImage) => {
      // What goes to a worker may be gone here, and other buckets need it.
      const data = planes.copyOf(image.data);
      const into = planes.take(PATCHES * encoderValues(encoder.imageSize));
      const prepared = await this.#runTask("prepareReference", { image: { ...image, data }, bucket, encoder, into });
      planes.giveBack(data);
      return prepared;
    };
    // A worker cuts one reference while the device embeds the one before.
    for await (const [{ name }, { pixels, patches, hash }] of oneAhead(this.#references, cut)) {
      const embeddings = await networks.embed(pixels, patches.length);
      planes.giveBack(pixels);
      const size = embeddings.length / patches.length;
      patches.forEach((patch, index) => {
        all.push({
          id: `${hash}#${index}`,
          label: `${name}#${index}`,
          image: patch,
          embedding: embeddings.subarray(index * size, (index + 1) * size),
        });
      });
    }
    return all;
  }

  /**
   * Keys and values of the chosen patches on a device; see `ReferenceBlocks.lend`.
   * @internal
   */
  keysAndValues(
    lane: DeviceLane,
    chosen: readonly ChosenPatch[],
    bucket: Bucket,
    style: Style,
    signal?: AbortSignal,
  ): Promise<CacheLease<Tensor>> {
    return this.#on(lane).lend(chosen, bucket, style, signal);
  }

  #on(lane: DeviceLane): ReferenceBlocks {
    let blocks = this.#blocks.get(lane);
    if (blocks === undefined) {
      blocks = new ReferenceBlocks(lane, this.#runTask, this.#options.cacheBytes, this.#options.host);
      this.#forget.push(this.#options.addCache(blocks.cache), lane.memory.addCache(blocks.cache));
      if (this.#disposed) blocks.dispose();
      this.#blocks.set(lane, blocks);
    }
    return blocks;
  }

  /** Bytes of keys and values that a device has. @internal */
  heldBytes(lane: DeviceLane): number {
    return this.#blocks.get(lane)?.cache.stats().heldBytes ?? 0;
  }

  /** Hits, misses, bytes and time saved, on all devices together. */
  stats(): LeaseCacheStats {
    const all = [...this.#blocks.values()].map(({ cache }) => cache.stats());
    const sum = (key: keyof LeaseCacheStats): number => all.reduce((total, one) => total + one[key], 0);
    return {
      hits: sum("hits"),
      misses: sum("misses"),
      evictions: sum("evictions"),
      entries: sum("entries"),
      heldBytes: sum("heldBytes"),
      leasedBytes: sum("leasedBytes"),
      budgetBytes: sum("budgetBytes"),
      makingMs: sum("makingMs"),
      savedMs: sum("savedMs"),
    };
  }

  /** Frees the keys and values once no page uses them; idempotent. */
  dispose(): void {
    this.#disposed = true;
    for (const forget of this.#forget.splice(0)) forget();
    for (const blocks of this.#blocks.values()) blocks.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Hash of references' names, contents and order, computed in pieces, between which other work goes on. */
export async function referencesHash(references: readonly ReferenceImage[]): Promise<string> {
  for (const { image } of references)
    if (!contentHashes.has(image)) contentHashes.set(image, await imageHashInPieces(image));
  return hashOf(references, (image) => contentHashes.get(image)!);
}

function hashOf(references: readonly ReferenceImage[], contentHash: (image: RasterImage) => string): string {
  return createHash("sha256")
    .update(JSON.stringify(references.map(({ name, image }) => [name, contentHash(image)])))
    .digest("hex");
}

/** Of pictures that are hashed by more than one list of references. */
const contentHashes = new WeakMap<RasterImage, string>();
