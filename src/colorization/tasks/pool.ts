/** The pool of worker threads that does the tasks of the table. */
import type { RasterImage } from "../../binding/raster.js";
import type { ClassifyImageOptions, ImageKind } from "../../classification/classify-image.js";
import type { DecodedImage, DecodeOptions, EncodeOptions } from "../../io/image/image-codec.js";
import { packagePath } from "../../platform/package-files.js";
import { WorkerPool, type CallOptions, type WorkerPoolOptions } from "../../workers/pool.js";
import type { Tasks } from "./table.js";

/** Threads and how long they live; see `WorkerPoolOptions`. */
export type TaskPoolOptions = Omit<WorkerPoolOptions, "workerFile">;

/** See `WorkerPool`. The process's settings of sharp are left as they are. */
export class TaskPool extends WorkerPool<Tasks> {
  constructor(options: TaskPoolOptions = {}) {
    super({ ...options, workerFile: packagePath("dist/colorization/tasks/worker.js") });
  }

  /** Decodes a picture; see `decodeImage`. `bytes` moves to the worker: it is empty afterwards. */
  decode(
    bytes: Uint8Array,
    name: string,
    { signal, ...options }: DecodeOptions & CallOptions = {},
  ): Promise<DecodedImage> {
    return this.run("decode", { bytes, name, options }, { signal });
  }

  /** Whether a picture is line art or coloured; see `classifyImage`. `bytes` moves to the worker. */
  classify(
    bytes: Uint8Array,
    name: string,
    { signal, ...options }: ClassifyImageOptions & CallOptions = {},
  ): Promise<ImageKind> {
    return this.run("classify", { bytes, name, options }, { signal });
  }

  /** Encodes a picture; see `encodeImage`. `image.data` moves to the worker: it is empty afterwards. */
  encode(
    image: RasterImage,
    { signal, ...options }: EncodeOptions & CallOptions,
    name = "picture",
  ): Promise<Uint8Array> {
    return this.run("encode", { image, name, options }, { signal });
  }
}
