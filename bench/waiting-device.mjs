// A device that waits instead of computing: runs take their turn on a thread of their own, as on a GPU, and leave the
// cores to everything else. Their results are zeros.
import { Worker } from "node:worker_threads";
import { Device, Tensor } from "../dist/binding/index.js";
import { networkOutputs } from "./network-outputs.mjs";

const THREAD = `
const { parentPort } = require("node:worker_threads");
const cell = new Int32Array(new SharedArrayBuffer(4));
let endedMs;
let busyMs = 0, idleMs = 0;
parentPort.on("message", ({ id, ms }) => {
  const startedMs = performance.now();
  const gapMs = endedMs === undefined ? 0 : startedMs - endedMs;
  Atomics.wait(cell, 0, 0, ms);
  endedMs = performance.now();
  busyMs += endedMs - startedMs;
  idleMs += gapMs;
  parentPort.postMessage({ id, gapMs, busyMs, idleMs });
});`;

/** Shares of the networks in a page of 10 steps, in thousandths. */
const SHARES = {
  line_extractor: 30,
  image_encoder: 20,
  vae_encoder: 25,
  reference_encoder: 20,
  denoiser: 65,
  vae_decoder: 60,
  guided_upsampler: 190,
};

/** Milliseconds of a run by network, of a device that takes so long for a page of 10 steps. */
export function runMs(pageMs) {
  return Object.fromEntries(Object.entries(SHARES).map(([graph, share]) => [graph, (pageMs * share) / 1000]));
}

export class WaitingDevice {
  #thread = new Worker(THREAD, { eval: true });
  #settle = new Map();
  #results = new Map();
  #next = 0;
  /** Every wait of the device for its next run: how long, and which run ended it. */
  gaps = [];
  busyMs = 0;
  idleMs = 0;

  constructor(pageMs = 400) {
    this.runMs = runMs(pageMs);
    this.#thread.on("message", ({ id, gapMs, busyMs, idleMs }) => {
      const { graph, resolve } = this.#settle.get(id);
      this.#settle.delete(id);
      this.gaps.push({ graph, gapMs });
      Object.assign(this, { busyMs, idleMs });
      resolve();
    });
  }

  /** As `openNetwork` of an engine. @param manifest of the model package */
  opener(manifest) {
    return async (graph) => ({
      inputs: [],
      outputs: [],
      provider: "waiting",
      device: Device.of("cpu"),
      disposed: false,
      allocatorStats: () => ({ totalAllocatedBytes: 0, inUseBytes: 0, limitBytes: 0 }),
      deviceMemory: () => undefined,
      shrinkArena: () => undefined,
      dispose: () => undefined,
      run: async (inputs, { signal } = {}) => {
        signal?.throwIfAborted();
        const dims = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.dims]));
        await this.#run(graph, this.runMs[graph]);
        signal?.throwIfAborted();
        const { name, dtype, dims: outputDims } = networkOutputs(manifest, graph, dims);
        return { [name]: this.#zeros(dtype, outputDims) };
      },
    });
  }

  /** Made once for each shape: results are not what is measured. */
  #zeros(dtype, dims) {
    const key = `${dtype} ${dims.join("x")}`;
    let tensor = this.#results.get(key);
    if (tensor === undefined) this.#results.set(key, (tensor = Tensor.alloc(dtype, dims)));
    return tensor.view(0, dims);
  }

  #run(graph, ms) {
    return new Promise((resolve) => {
      const id = this.#next++;
      this.#settle.set(id, { graph, resolve });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
      this.#thread.postMessage({ id, ms });
    });
  }

  async close() {
    for (const tensor of this.#results.values()) tensor.dispose();
    await this.#thread.terminate();
  }
}
