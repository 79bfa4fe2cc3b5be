/**
 * Estimates the memory that a page takes, from the model's own graphs and the pipeline's buffers. The factors below
 * were fitted to measured peaks of resident memory; `docs/logging-and-memory.md` says how close the estimate comes.
 */
import type { Style } from "../config/batch-config.js";
import type { DeviceNeeds } from "../memory/device-memory.js";
import type { PageNeeds, PageSize } from "../memory/memory-manager.js";
import { peakActivationBytes } from "../model/graph-memory.js";
import { GRAPHS, type GraphName } from "../model/graph-names.js";
import type { ModelPackage } from "../model/package.js";
import { networkInputs } from "../model/network-inputs.js";
import { readGraph } from "../model/read-graph.js";
import { bucketName, nearestBucket, referenceTokens, type Bucket } from "../model/buckets.js";
import { modelBuckets } from "./cobra/pipeline.js";
import { QUADRANTS } from "./cobra/retrieval.js";

/**
 * What an arena takes for each byte that is alive at the worst moment: the first run fills it piece by piece, the next
 * takes one whole block beside that.
 */
const ARENA_FACTOR = 2.3;
/** An arena's smallest size. */
const ARENA_FLOOR_BYTES = 2 ** 20;
/** Buffers of a page are garbage for a while before they are collected. */
const PAGE_FACTOR = 1.5;
/** Bytes a pixel of the page in the ink's working planes (`native/pixels/ink*.cc`). */
const INK_BYTES_PER_PIXEL = 24;
/** Pixels of larger pages are in them some rows at a time. */
const INK_PIXELS = 16_000_000;
/** Reference patches a quadrant where a page is not known yet. */
const DEFAULT_TOP_K = 3;
/** Heap and worker threads grow a little with every page in flight. */
const PAGE_FLOOR_BYTES = 12 * 2 ** 20;

/** What pages of one model take; each bucket's networks are looked at once. */
export class PageMemory implements PageNeeds {
  readonly #model: ModelPackage;
  readonly #activations = new Map<string, number>();

  constructor(model: ModelPackage) {
    this.#model = model;
  }

  /** @throws ValidationError `ERR_ARGUMENT` for a size that is not positive */
  sharedBytes(size: PageSize | "largest", topK: number): number {
    const key = `${bucketName(this.#bucket(size))} ${topK}`;
    let bytes = this.#activations.get(key);
    if (bytes === undefined) {
      const graphs = GRAPHS.filter((graph) => graph !== "guided_upsampler" || this.#model.manifest.upsampler !== null);
      bytes = Math.round(this.networkBytes(size, topK, graphs));
      this.#activations.set(key, bytes);
    }
    return bytes;
  }

  /** @throws ValidationError `ERR_ARGUMENT` for a size that is not positive */
  pageBytes(size: PageSize | "largest", topK: number): number {
    return this.#pictureBytes(size) + this.referenceBytes(size, topK);
  }

  /** What the host has of pages whose networks run on devices with memory of their own. */
  besideDevices(): PageNeeds {
    return { sharedBytes: () => 0, pageBytes: (size) => this.#pictureBytes(size) };
  }

  /** What a device with memory of its own has of pages. */
  onDevice(): DeviceNeeds {
    return {
      batchBytes: () =>
        this.networkBytes("largest", DEFAULT_TOP_K, ["denoiser"]) + this.referenceBytes("largest", DEFAULT_TOP_K),
      activationBytes: (size, topK) => this.sharedBytes(size, topK),
      pageBytes: (size, topK) => this.referenceBytes(size, topK),
    };
  }

  /** Pictures and planes of a page. */
  #pictureBytes(size: PageSize | "largest"): number {
    const bucket = this.#bucket(size);
    const pixels = size === "largest" ? bucket.width * bucket.height : size[0] * size[1];
    return Math.round(PAGE_FLOOR_BYTES + PAGE_FACTOR * this.#bufferBytes(bucket, pixels));
  }

  /** Keys and values of a page's references, side by side. */
  referenceBytes(size: PageSize | "largest", topK: number): number {
    const { referenceKv, latent, precision } = this.#model.manifest;
    const tokens = referenceTokens(this.#bucket(size), latent);
    return QUADRANTS * topK * referenceKv.layers * 2 * tokens * referenceKv.width * (precision === "float16" ? 2 : 4);
  }

  /** Arenas of some of the networks: each keeps what it needed most. */
  networkBytes(size: PageSize | "largest", topK: number, graphs: readonly GraphName[]): number {
    const { manifest, styles } = this.#model;
    const inputs = networkInputs(manifest, this.#bucket(size), QUADRANTS * topK);
    const elementBytes = manifest.precision === "float16" ? 2 : 4;
    return graphs.reduce((sum, graph) => {
      const model = readGraph(this.#model.graphPath(graph, styles[0] as Style));
      return sum + ARENA_FLOOR_BYTES + ARENA_FACTOR * peakActivationBytes(model, inputs[graph], elementBytes);
    }, 0);
  }

  #bucket(size: PageSize | "largest"): Bucket {
    const buckets = modelBuckets(this.#model);
    return size === "largest"
      ? buckets.reduce((most, bucket) => (bucket.width * bucket.height > most.width * most.height ? bucket : most))
      : nearestBucket(size[0], size[1], buckets);
  }

  /** Pictures and planes that the stages pass on; see `tasks/`. */
  #bufferBytes({ width, height }: Bucket, pagePixels: number): number {
    const { upsampler, imageEncoder } = this.#model.manifest;
    const pixels = width * height;
    const upPixels = pixels * (upsampler === null ? 0 : upsampler.scale ** 2);
    const small = pixels * (3 + 1 + 4 + 4 + 1); // RGB, gray, line input and output, line
    const planes = pixels * 3 * 4 * 4; // line, hint, decoded, its copy
    const enlarged = upPixels * (3 * 4 * 4 + 3); // line, colour, output, its copy, picture
    const queries = QUADRANTS * 3 * imageEncoder.imageSize ** 2 * 4;
    return (
      small +
      planes +
      enlarged +
      queries +
      pagePixels * (3 + 3) +
      Math.min(pagePixels, INK_PIXELS) * INK_BYTES_PER_PIXEL
    );
  }
}
