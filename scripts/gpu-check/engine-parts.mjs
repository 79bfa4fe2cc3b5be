// Opens parts of the engine for the steps: sessions of a package's networks with inputs of any size, and engines.
import { loadModule } from "../lib/modules.mjs";

/** "cuda:1" as session options. */
export function sessionOptions(device, provider = undefined) {
  const [name, number = "0"] = device.split(":");
  return { provider: provider ?? name, ...(name === "cpu" ? {} : { deviceId: Number(number) }) };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Waves of order one in the dtype that an input has: what is in a tensor does not change what it costs. */
export async function waveTensor(dtype, dims) {
  const { Tensor } = await loadModule("binding/index.js");
  const { toFloat16 } = await loadModule("onnx/tensor-data.js");
  const tensor = Tensor.alloc(dtype, dims);
  const data = tensor.data;
  // One period is made and repeated: gigabytes of sines would take longer than the run.
  const period = Float32Array.from({ length: Math.min(data.length, 4093) }, (_, at) => Math.sin(at * 0.37));
  const values = dtype === "float16" ? Uint16Array.from(period, toFloat16) : dtype === "float32" ? period : undefined;
  if (values === undefined) return tensor;
  for (let at = 0; at < data.length; at += values.length)
    data.set(values.subarray(0, Math.min(values.length, data.length - at)), at);
  return tensor;
}

/** The networks of a package on a device, each run by its name alone. */
export class NetworkBench {
  /** @param {string} [layout] how graphs are rewritten for CUDA, in the place of the engine's choice */
  static async open(directory, options, layout = undefined) {
    const { openModelPackage } = await loadModule("model/package.js");
    const { NetworkSessions, openInRuntime } = await loadModule("colorization/networks/network-sessions.js");
    const { networkInputs } = await loadModule("model/network-inputs.js");
    const model = await openModelPackage(directory, { verify: false });
    const booked = { [Symbol.dispose]: () => undefined };
    const sessions = new NetworkSessions(
      model,
      options,
      (work) => work(),
      () => booked,
      (graph, file, given) => openInRuntime(graph, file, given),
      layout,
    );
    return new NetworkBench(model, sessions, networkInputs);
  }

  constructor(model, sessions, networkInputs) {
    Object.assign(this, { model, sessions, networkInputs, style: model.styles[0] });
  }

  session(graph) {
    return this.sessions.session(graph, this.style);
  }

  /** The graph's inputs without its weights: on the host, and as tensors on the device. */
  async inputs(graph, bucket, references, batch = 1) {
    const session = await this.session(graph);
    const weights = await this.sessions.weights(graph, this.style, session);
    const dims = this.networkInputs(this.model.manifest, bucket, references)[graph];
    const own = session.inputs.filter(({ name }) => weights[name] === undefined);
    const tensors = {};
    for (const { name, dtype } of own) {
      const [first, ...rest] = dims[name];
      tensors[name] = await waveTensor(dtype, [first * batch, ...rest]);
      // A size that the tables know.
      if (name === "resolution")
        for (let at = 0; at < tensors[name].data.length; at += 2)
          tensors[name].data.set([bucket.height, 2 * bucket.width], at);
      if (name === "timestep") tensors[name].data.fill(999);
    }
    return { session, weights, tensors };
  }

  /** Copies inputs to the device, as the engine leaves them there. The CPU's stay. */
  async onDevice(session, tensors) {
    if (session.device.onHost) return tensors;
    const { Tensor } = await loadModule("binding/index.js");
    const moved = {};
    for (const [name, tensor] of Object.entries(tensors)) {
      moved[name] = await Tensor.allocOn(session, tensor.dtype, tensor.dims);
      await tensor.copyTo(moved[name]);
      tensor.dispose();
    }
    return moved;
  }

  /** What a network gives for inputs of waves, by its outputs' names. */
  async outputs(graph, bucket, references) {
    const { session, weights, tensors } = await this.inputs(graph, bucket, references);
    const outputs = await session.run({ ...tensors, ...weights });
    const all = [...Object.values(tensors), ...Object.values(outputs)];
    const values = Object.entries(outputs).map(([name, { data }]) => [name, data.slice()]);
    for (const tensor of all) tensor.dispose();
    return Object.fromEntries(values);
  }

  /** Median milliseconds of a run, of `runs` after one to warm up; outputs stay on the device. */
  async time(graph, bucket, references, { batch = 1, runs = 5 } = {}) {
    const { session, weights, tensors } = await this.inputs(graph, bucket, references, batch);
    const inputs = await this.onDevice(session, tensors);
    const once = async () => {
      const begun = performance.now();
      const outputs = await session.run({ ...inputs, ...weights }, { keepOnDevice: true });
      const ms = performance.now() - begun;
      for (const tensor of Object.values(outputs)) tensor.dispose();
      return ms;
    };
    try {
      const firstMs = await once();
      const all = [];
      // Few where one takes long.
      while (all.length < runs && (all.length < 2 || all.length * median(all) < 8000)) all.push(await once());
      return { ms: median(all), firstMs, runs: all.length };
    } finally {
      for (const tensor of Object.values(inputs)) tensor.dispose();
    }
  }

  dispose() {
    this.sessions[Symbol.dispose]();
  }
}

/** Opens a package's networks for the work, and frees them after it. */
export async function withNetworks(directory, options, work, layout = undefined) {
  const bench = await NetworkBench.open(directory, options, layout);
  try {
    return await work(bench);
  } finally {
    bench.dispose();
  }
}

/** A page of line art, or a coloured reference: stripes and boxes of some sizes. */
export function drawnPicture(width, height, channels, seed) {
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const box = (Math.floor(x / (37 + seed)) + Math.floor(y / (53 + seed))) % 5;
      const edge = x % (37 + seed) < 2 || y % (53 + seed) < 2;
      for (let channel = 0; channel < channels; channel++)
        data[(y * width + x) * channels + channel] =
          channels === 1 ? (edge ? 0 : 255) : edge ? 20 : 60 + ((box * 47 + channel * 71 + seed * 13) % 190);
    }
  return { width, height, channels, data };
}
