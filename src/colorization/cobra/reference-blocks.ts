/**
 * Keys and values of reference patches on one device, which are computed once for all pages and lent by a cache. A
 * patch's block depends on its pixels, quadrant, bucket and style only.
 */
import { Tensor, type InferenceSession } from "../../binding/index.js";
import type { RasterImage } from "../../binding/raster.js";
import type { Style } from "../../config/batch-config.js";
import { LeaseCache, type CacheLease } from "../../memory/lease-cache.js";
import type { MemoryLedger } from "../../memory/ledger.js";
import { bucketName, referenceTokens, type Bucket } from "../../model/buckets.js";
import type { DeviceLane } from "../devices/device-lane.js";
import type { RunTask } from "../tasks/table.js";
import { abortable } from "../../concurrency/abortable.js";
import { oneAhead } from "../../concurrency/one-ahead.js";
import { SpilledBlocks } from "./spilled-blocks.js";

/** One patch of one reference, ready for a bucket. */
export interface ReferencePatch {
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

/** The host's memory, for blocks that a device has no room for. */
export interface HostRoom {
  readonly ledger: MemoryLedger;
  /** What the host can spare. */
  readonly freeBytes: () => number;
}

/** Blocks of one set of references on one device. Owns their cache. */
export class ReferenceBlocks {
  readonly cache: LeaseCache<Tensor>;
  readonly #lane: DeviceLane;
  readonly #runTask: RunTask;

  /**
   * @param host takes blocks that a device has no room for
   * @param cacheBytes what the cache may keep; 0 keeps nothing beyond a page; undefined: what the device has free
   */
  constructor(lane: DeviceLane, runTask: RunTask, cacheBytes: number | undefined, host: HostRoom) {
    this.#lane = lane;
    this.#runTask = runTask;
    this.cache = new LeaseCache(
      cacheBytes ?? ((heldBytes) => lane.memory.cacheBudget(heldBytes)),
      (bytes) => lane.memory.ledger.hold("references", bytes),
      "references",
      lane.memory.isApart ? new SpilledBlocks({ ...host, allocate: (like) => this.#allocate(like) }) : undefined,
    );
  }

  async #allocate({ dtype, dims }: Tensor): Promise<Tensor> {
    const session = await this.#lane.networks.session("denoiser", this.#lane.networks.model.styles[0]!);
    return Tensor.allocOn(session, dtype, dims);
  }

  /**
   * Keys and values of the chosen patches side by side, [1, R, layers, 2, tokens, width], on the session's device.
   * Pages that chose the same patches share one buffer; release the lease when the page is done.
   */
  async lend(
    chosen: readonly ChosenPatch[],
    bucket: Bucket,
    style: Style,
    signal?: AbortSignal,
  ): Promise<CacheLease<Tensor>> {
    const prefix = `${style}|${bucketName(bucket)}`;
    const shareable = chosen.every((one) => one.noise === undefined);
    if (shareable) {
      const key = `${prefix}|page|${chosen.map(placeKey).join(",")}`;
      const make = (): Promise<Tensor> => this.#assemble(chosen, bucket, style, prefix);
      const acquiring = this.cache.acquire(key, make, { derived: true });
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
    const { networks } = this.#lane;
    const { referenceKv, latent, precision } = networks.model.manifest;
    const tokens = referenceTokens(bucket, latent);
    const blockDims = [referenceKv.layers, 2, tokens, referenceKv.width];
    const blockElements = blockDims.reduce((product, dim) => product * dim, 1);
    const session = await networks.session("denoiser", style);
    const dims = [1, chosen.length, ...blockDims];
    // On the CPU plain memory does, and is not cleared here and now; device memory without addresses has no places to
    // copy to.
    const { onHost, addressable } = session.device;
    const inPlace = addressable && !onHost;
    const all = inPlace ? await Tensor.allocOn(session, precision, dims) : Tensor.alloc(precision, dims);
    try {
      let index = 0;
      const lend = (one: ChosenPatch): Promise<CacheLease<Tensor>> => this.#block(one, bucket, style, prefix, signal);
      // A worker prepares one patch while the device encodes the one before.
      for await (const [, lease] of oneAhead(chosen, lend, (unused) => unused.release())) {
        try {
          using place = all.view(index++ * blockElements, [1, ...blockDims]);
          await lease.value.copyTo(place);
        } finally {
          lease.release();
        }
      }
      return inPlace || onHost ? all : await moveToDevice(all, session);
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
  ): Promise<CacheLease<Tensor>> {
    const { networks } = this.#lane;
    const make = async (): Promise<Tensor> => {
      const { width, height } = chosen.patch.image;
      const { channels, downscale } = networks.model.manifest.latent;
      const noise = chosen.noise ?? new Float32Array((channels * width * height) / downscale ** 2);
      // The patch stays here for other styles and quadrants.
      const pixels = networks.planes.copyOf(chosen.patch.image.data);
      const image = { ...chosen.patch.image, data: pixels };
      const into = networks.planes.take(3 * width * height);
      const planes = await this.#runTask("signedPlanes", { image, into }, signal);
      using latent = await networks.encodeImage(planes, width, height, noise, signal);
      networks.planes.giveBack(pixels, planes);
      using resolution = pageResolution(bucket);
      return await networks.encodeReference(latent, chosen.quadrant, resolution, style, signal);
    };
    if (chosen.noise === undefined) return this.cache.acquire(`${prefix}|${placeKey(chosen)}`, make);
    const value = await make();
    return { value, release: () => value.dispose() };
  }

  dispose(): void {
    this.cache.dispose();
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
