/**
 * The coloured references of a batch: their patches and embeddings for each bucket, and their keys and values, which
 * are computed once for all pages and lent by a cache. A patch's K/V depend on its pixels, quadrant, bucket and style
 * only.
 */
import { createHash } from "node:crypto";
import { Tensor, type InferenceSession } from "../../binding/index.js";
import type { RasterImage } from "../../binding/raster.js";
import type { Style } from "../../config/batch-config.js";
import { LeaseCache, type Lease, type LeaseCacheStats } from "../../memory/lease-cache.js";
import type { MemoryManager } from "../../memory/memory-manager.js";
import { bucketName, type Bucket } from "../../model/buckets.js";
import type { Networks } from "../networks/networks.js";
import { signedPlanes } from "../tasks/network-pictures.js";
import type { RunTask } from "../tasks/table.js";

/** A coloured picture and what to call it. */
export interface ReferenceImage {
  name: string;
  image: RasterImage;
}

/** One patch of one reference, ready for a bucket. */
interface ReferencePatch {
  /** Identifies the patch's pixels: content hash of the reference, number of the patch. */
  id: string;
  /** Name of the reference and number of the patch (0 = whole, 1-4 = crops), for people. */
  label: string;
  /** At half the bucket's size. */
  image: RasterImage;
  embedding: Float32Array;
}

/** A patch chosen for a place of the page. */
export interface ChosenPatch {
  quadrant: number;
  rank: number;
  patch: ReferencePatch;
  /** Noise for the patch's latent; undefined: the mean, shared by all pages. */
  noise?: Float32Array | undefined;
}

/** References of a batch. Owns the cache of K/V; `dispose()` frees it once nothing is lent. */
export class ReferenceSet implements Disposable {
  readonly names: readonly string[];
  /** Hash of all references' names, contents and order. */
  readonly hash: string;
  readonly #networks: Networks;
  readonly #runTask: RunTask;
  readonly #references: readonly (ReferenceImage & { hash: string })[];
  readonly #buckets = new Map<string, Promise<ReferencePatch[]>>();
  readonly #cache: LeaseCache<Tensor>;
  readonly #forget: () => void;

  /**
   * @internal Sets are made by `Engine.references`.
   * @param budgetBytes what the cache of K/V may keep; 0 keeps nothing beyond a page
   * @param memory keeps the books of the cache, and drops it when memory runs out
   */
  constructor(
    networks: Networks,
    runTask: RunTask,
    references: readonly ReferenceImage[],
    budgetBytes: number,
    memory?: MemoryManager,
  ) {
    this.#networks = networks;
    this.#runTask = runTask;
    this.#references = references.map((reference) => ({ ...reference, hash: contentHash(reference.image) }));
    this.names = references.map((reference) => reference.name);
    this.hash = referencesHash(references);
    this.#cache = new LeaseCache(
      budgetBytes,
      memory === undefined ? undefined : (bytes) => memory.ledger.hold("references", bytes),
      "references",
    );
    this.#forget = memory?.addCache(this.#cache) ?? (() => undefined);
  }

  /**
   * Patches and embeddings for a bucket, computed once. What pages share is never cancelled by one of them; only their
   * waiting is.
   * @internal
   */
  patches(bucket: Bucket, signal?: AbortSignal): Promise<ReferencePatch[]> {
    const key = bucketName(bucket);
    let preparing = this.#buckets.get(key);
    if (!preparing) {
      preparing = this.#prepare(bucket);
      this.#buckets.set(key, preparing);
      preparing.catch(() => this.#buckets.delete(key)); // the next page may try again
    }
    return abortable(preparing, signal);
  }

  async #prepare(bucket: Bucket): Promise<ReferencePatch[]> {
    const all: ReferencePatch[] = [];
    for (const { name, image, hash } of this.#references) {
      // what goes to a worker is gone here, and other buckets need it
      const copy = { ...image, data: new Uint8Array(image.data) };
      const prepared = await this.#runTask("prepareReference", {
        image: copy,
        bucket,
        encoder: this.#networks.model.manifest.imageEncoder,
      });
      const embeddings = await this.#networks.embed(prepared.pixels, prepared.patches.length);
      const size = embeddings.length / prepared.patches.length;
      prepared.patches.forEach((patch, index) => {
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
   * Keys and values of the chosen patches side by side, [1, R, layers, 2, tokens, width], on the session's device.
   * Pages that chose the same patches share one buffer; release the lease when the page is done.
   * @internal
   */
  async keysAndValues(
    chosen: readonly ChosenPatch[],
    bucket: Bucket,
    style: Style,
    signal?: AbortSignal,
  ): Promise<Lease<Tensor>> {
    const prefix = `${style}|${bucketName(bucket)}`;
    const shareable = chosen.every((one) => one.noise === undefined);
    if (shareable) {
      const acquiring = this.#cache.acquire(`${prefix}|page|${chosen.map(placeKey).join(",")}`, () =>
        this.#assemble(chosen, bucket, style, prefix),
      );
      return abortable(acquiring, signal, (lease) => lease.release());
    }
    const value = await this.#assemble(chosen, bucket, style, prefix, signal);
    return { value, release: () => value.dispose() };
  }

  async #assemble(
    chosen: readonly ChosenPatch[],
    bucket: Bucket,
    style: Style,
    prefix: string,
    signal?: AbortSignal,
  ): Promise<Tensor> {
    const { referenceKv, latent, precision } = this.#networks.model.manifest;
    const tokens = (bucket.width / latent.downscale / 4) * (bucket.height / latent.downscale / 4);
    const blockDims = [referenceKv.layers, 2, tokens, referenceKv.width];
    const blockElements = blockDims.reduce((product, dim) => product * dim, 1);
    const session = await this.#networks.session("denoiser", style);
    const dims = [1, chosen.length, ...blockDims];
    // On the CPU plain memory does, and is not cleared here and now; device memory without addresses has no places to
    // copy to.
    const inPlace = session.device.addressable && !session.device.onHost;
    const all = inPlace ? await Tensor.allocOn(session, precision, dims) : Tensor.alloc(precision, dims);
    try {
      for (const [index, one] of chosen.entries()) {
        const lease = await this.#block(one, bucket, style, prefix, signal);
        try {
          using place = all.view(index * blockElements, [1, ...blockDims]);
          await lease.value.copyTo(place);
        } finally {
          lease.release();
        }
      }
      return inPlace || session.device.onHost ? all : await moveToDevice(all, session);
    } catch (error) {
      all.dispose();
      throw error;
    }
  }

  async #block(
    chosen: ChosenPatch,
    bucket: Bucket,
    style: Style,
    prefix: string,
    signal?: AbortSignal,
  ): Promise<Lease<Tensor>> {
    const make = async (): Promise<Tensor> => {
      const { width, height } = chosen.patch.image;
      const { channels, downscale } = this.#networks.model.manifest.latent;
      const noise = chosen.noise ?? new Float32Array((channels * width * height) / downscale ** 2);
      using latent = await this.#networks.encodeImage(signedPlanes(chosen.patch.image), width, height, noise, signal);
      using resolution = pageResolution(bucket);
      return await this.#networks.encodeReference(latent, chosen.quadrant, resolution, style, signal);
    };
    if (chosen.noise === undefined) return this.#cache.acquire(`${prefix}|${placeKey(chosen)}`, make);
    const value = await make();
    return { value, release: () => value.dispose() };
  }

  /** Hits, misses, bytes and time saved. */
  stats(): LeaseCacheStats {
    return this.#cache.stats();
  }

  /** Frees the keys and values once no page uses them; idempotent. */
  dispose(): void {
    this.#forget();
    this.#cache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Waits for shared work until the signal fires; what arrives after that goes to `discard`. */
async function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  discard: (value: T) => void = () => undefined,
): Promise<T> {
  if (!signal) return work;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (signal.aborted) work.then(discard, () => undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort!);
  }
}

/** A host tensor's copy on the session's device; the host tensor is disposed of. */
async function moveToDevice(host: Tensor, session: InferenceSession): Promise<Tensor> {
  const moved = await Tensor.allocOn(session, host.dtype, host.dims);
  try {
    await host.copyTo(moved);
    host.dispose();
    return moved;
  } catch (error) {
    moved.dispose();
    throw error;
  }
}

/** [1, 2] = [H, 2W]: the size condition of a page. */
export function pageResolution({ width, height }: Bucket): Tensor {
  return Tensor.from("float32", Float32Array.of(height, 2 * width), [1, 2]);
}

function placeKey({ patch, quadrant }: ChosenPatch): string {
  return `${patch.id}@${quadrant}`;
}

/** Hash of references' names, contents and order. */
export function referencesHash(references: readonly ReferenceImage[]): string {
  return createHash("sha256")
    .update(JSON.stringify(references.map(({ name, image }) => [name, contentHash(image)])))
    .digest("hex");
}

/** Of pictures that are hashed by more than one list of references. */
const contentHashes = new WeakMap<RasterImage, string>();

function contentHash(image: RasterImage): string {
  const known = contentHashes.get(image);
  if (known !== undefined) return known;
  const hash = createHash("sha256")
    .update(`${image.width}x${image.height}x${image.channels}`)
    .update(image.data)
    .digest("hex")
    .slice(0, 32);
  contentHashes.set(image, hash);
  return hash;
}
