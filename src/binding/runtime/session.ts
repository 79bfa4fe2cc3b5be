/** Sessions: a loaded model that runs on a device's own thread. */
import { BatchProcessingError, ValidationError } from "../../errors.js";
import { OWNER, type DeviceOwner } from "./device-owner.js";
import { Binding } from "./binding.js";
import { Device } from "./device.js";
import { guarded } from "../faults.js";
import { runJob } from "./jobs.js";
import { loadAddon } from "../load.js";
import { checkInputs, checkOutputNames, checkOutputs } from "./operands.js";
import { preloadCuda } from "./preload.js";
import { loadRuntime } from "./runtime.js";
import { normaliseOptions, type SessionOptions } from "./session-options.js";
import { Tensor } from "./tensor.js";
import type { AllocatorStats, DeviceMemory, NativeSession, NativeTensor, ValueInfo } from "../types.js";

/** Options of a run. */
interface RunOptions {
  /** Names of the wanted outputs (default: all), or tensors that they are written into. */
  readonly outputs?: readonly string[] | Readonly<Record<string, Tensor>>;
  /** Leave outputs without a tensor of their own on the session's device. Default false: they come to the host. */
  readonly keepOnDevice?: boolean;
  /**
   * Fail with `ERR_MODEL_OUTPUT` if a float output that is on the host holds a NaN or an infinity. Checked on the
   * device's thread. Default false.
   */
  readonly finite?: boolean;
  /** Aborting ends the run and rejects with the signal's reason; the session stays usable. */
  readonly signal?: AbortSignal;
}

/**
 * A loaded model. Runs of all sessions on one device follow one another on the device's own thread, in the order of the
 * calls; the event loop stays free. `dispose()` may be called while runs are in flight: they finish, then the model
 * goes.
 */
export class InferenceSession implements DeviceOwner, Disposable {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** The provider in use: the one asked for, or "cpu" after a fallback. */
  readonly provider: string;
  /** Where its tensors live. */
  readonly device: Device;
  #native: NativeSession | undefined;

  private constructor(native: NativeSession) {
    const { inputs, outputs, provider, device } = native.describe();
    this.#native = native;
    this.inputs = inputs;
    this.outputs = outputs;
    this.provider = provider;
    this.device = Device.of(device);
  }

  /**
   * Loads a model on the device's thread.
   * @param model path of an ONNX file, or its bytes, which are copied
   * @throws ValidationError `ERR_SESSION_OPTION`; ResourceError `ERR_ADDON_LOAD`, `ERR_RUNTIME_LOAD`,
   * `ERR_PROVIDER_UNAVAILABLE`, `ERR_OUT_OF_MEMORY`; InferenceError `ERR_SESSION_CREATE`
   */
  static async create(model: string | Uint8Array, options: SessionOptions = {}): Promise<InferenceSession> {
    const config = normaliseOptions(options);
    if (model.length === 0)
      throw new ValidationError("ERR_ARGUMENT", "the model is empty", {
        remedy: "give the path of an ONNX file or its bytes",
      });
    const addon = loadRuntime();
    if (config.provider === "cuda" || config.provider === "tensorrt")
      await preloadCuda(config.provider, config.deviceId);
    const native = await runJob<NativeSession>(
      (settle) => addon.createSession(model, config, settle),
      options.signal,
      (session) => {
        session.dispose();
      },
    );
    return new InferenceSession(native);
  }

  /** True after `dispose()`. */
  get disposed(): boolean {
    return this.#native === undefined;
  }

  [OWNER](): NativeSession {
    if (!this.#native)
      throw new BatchProcessingError("ERR_DISPOSED", "the session was disposed", {
        remedy: "keep it until its last use",
      });
    return this.#native;
  }

  /**
   * Runs the model. Inputs and outputs may be disposed as soon as this returns. Arrays given to `Tensor.from` are
   * copied for the run: inputs before this returns, outputs just before the promise settles; shared arrays, memory of
   * `Tensor.alloc` and of other runs are used in place.
   * @returns the outputs by name: new tensors (dispose of them), or the ones given in `options.outputs`
   * @throws ValidationError `ERR_TENSOR_NAME`, `ERR_TENSOR_DTYPE`, `ERR_TENSOR_DIMS`; `ERR_DISPOSED`; InferenceError
   * `ERR_RUN`, `ERR_DEVICE_LOST`; ResourceError `ERR_OUT_OF_MEMORY`; the signal's reason
   */
  async run(inputs: Readonly<Record<string, Tensor>>, options: RunOptions = {}): Promise<Record<string, Tensor>> {
    const session = this[OWNER]();
    const taken = checkInputs(this.inputs, inputs);
    const wanted = options.outputs ?? this.outputs.map((output) => output.name);
    const given: Readonly<Record<string, Tensor>> = isNames(wanted) ? {} : wanted;
    const targets = checkOutputs(this.outputs, given);
    const names = isNames(wanted) ? checkOutputNames(this.outputs, wanted) : targets.names;
    const places = isNames(wanted) ? names.map(() => undefined) : targets.tensors;
    const results = await runJob<(NativeTensor | undefined)[]>(
      (settle) =>
        session.run(
          taken.names,
          taken.tensors,
          names,
          places,
          options.keepOnDevice ?? false,
          options.finite ?? false,
          settle,
        ),
      options.signal,
      (tensors) => {
        for (const tensor of tensors) tensor?.dispose();
      },
    );
    return Object.fromEntries(
      names.map((name, index) => [name, results[index] ? Tensor.adopt(results[index]) : (given[name] as Tensor)]),
    );
  }

  /**
   * Binds every input and every output once. The tensors' memory stays alive with the binding.
   * @throws ValidationError `ERR_TENSOR_NAME`, `ERR_TENSOR_DTYPE`, `ERR_TENSOR_DIMS`; `ERR_DISPOSED`
   */
  bind(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<string, Tensor>>): Binding {
    const session = this[OWNER]();
    const taken = checkInputs(this.inputs, inputs);
    const given = checkOutputs(this.outputs, outputs);
    if (given.names.length === 0)
      throw new ValidationError("ERR_TENSOR_NAME", "a binding needs at least one output to write");
    return new Binding(
      guarded(() => loadAddon().addon.createBinding(session, taken.names, taken.tensors, given.names, given.tensors)),
    );
  }

  /** Figures of the allocator of the session's device. @throws BatchProcessingError `ERR_DISPOSED` */
  allocatorStats(): AllocatorStats {
    const session = this[OWNER]();
    return guarded(() => session.stats());
  }

  /**
   * Memory of the session's device as its driver reported it when a run last ended; undefined on the CPU and if the
   * driver reports none.
   */
  deviceMemory(): DeviceMemory | undefined {
    const { freeBytes, totalBytes } = this.device.figures();
    return freeBytes === undefined || totalBytes === undefined ? undefined : { freeBytes, totalBytes };
  }

  /**
   * Lets the session's next run end with giving memory back to the system that its arena holds and does not use. (ONNX
   * Runtime shrinks arenas only at the end of a run.) Nothing on WebGPU. @throws BatchProcessingError `ERR_DISPOSED`
   */
  shrinkArena(): void {
    const session = this[OWNER]();
    guarded(() => {
      session.shrink();
    });
  }

  /** Gives the model back once its runs in flight are over. Idempotent. */
  dispose(): void {
    this.#native?.dispose();
    this.#native = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function isNames(outputs: readonly string[] | Readonly<Record<string, Tensor>>): outputs is readonly string[] {
  return Array.isArray(outputs);
}
