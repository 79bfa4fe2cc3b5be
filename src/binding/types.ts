/** Typed mirror of the native surface: what `native/` registers, and nothing else. Only `src/binding/` imports it. */
import type { NativePixels } from "./pixels/native-pixels.js";

/** Everything the addon exports. */
export interface NativeAddon
  extends NativePixels, NativeRuntime, NativeDevices, NativePreload, NativeChecksum, NativeCrash, NativeFiles {}

/** Names of the element types the engine uses. */
export type Dtype = "float32" | "float16" | "float64" | "int64" | "int32" | "uint8" | "bool";

/** Host views of the dtypes: float16 as raw 16-bit patterns, bool as 0 and 1. */
export type TensorData = Float32Array | Float64Array | Uint16Array | BigInt64Array | Int32Array | Uint8Array;

/** Called once on the JS thread when a job is over. `error.code` is of src/errors.ts, or "CANCELLED". */
export type Settle<T> = (error: Error | undefined, result: T) => void;

/** A job in flight, for `cancel`. */
export type JobId = number;

/** `native/runtime/tensor.*` */
export interface NativeTensor {
  data(): TensorData;
  view(elementOffset: number, dims: readonly number[]): NativeTensor;
  describe(): { dtype: Dtype; dims: number[]; device: string };
  dispose(): void;
}

/** One input or output of a model. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: Dtype;
  /** A number where the model fixes the dim, its name (possibly "") where it does not. */
  readonly dims: readonly (number | string)[];
}

/** Figures of a session's allocator, in bytes and counts; 0 where the allocator does not keep one. */
export interface AllocatorStats {
  /** The arena's limit; 0 = none. */
  readonly limitBytes: number;
  /** Handed out at present. */
  readonly inUseBytes: number;
  /** Taken from the device or the operating system at present. */
  readonly totalAllocatedBytes: number;
  /** The most that was handed out at a time. */
  readonly maxInUseBytes: number;
  /** The largest single allocation. */
  readonly maxAllocBytes: number;
  readonly allocations: number;
  readonly reserves: number;
  readonly arenaExtensions: number;
  readonly arenaShrinkages: number;
}

/** `native/runtime/session.*` */
export interface NativeSession {
  describe(): { provider: string; device: string; inputs: ValueInfo[]; outputs: ValueInfo[] };
  run(
    inputNames: readonly string[],
    inputs: readonly NativeTensor[],
    outputNames: readonly string[],
    outputs: readonly (NativeTensor | undefined)[],
    keepOnDevice: boolean,
    finite: boolean,
    settle: Settle<(NativeTensor | undefined)[]>,
  ): JobId;
  stats(): AllocatorStats;
  /** The next run ends with a shrinking of the arena. */
  shrink(): void;
  dispose(): void;
}

/** What the device's driver says of its memory, all processes together. */
export interface DeviceMemory {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Kinds of devices. */
export type DeviceKind = "cpu" | "cuda" | "webgpu";

/** What is known of a device without asking its driver. */
export interface DeviceFigures extends Partial<DeviceMemory> {
  readonly kind: DeviceKind;
  readonly index: number;
  readonly onHost: boolean;
  readonly addressable: boolean;
  readonly copiesBesideRuns: boolean;
  /** Memory of tensors that were allocated on the device by themselves, and of simulated devices' sessions. */
  readonly allocatedBytes: number;
  /** How long networks have run on it, in milliseconds. */
  readonly busyMs: number;
  /** What runs and copies have moved between the host and the device's own memory; 0 on the CPU. */
  readonly bytesToDevice: number;
  readonly bytesFromDevice: number;
  /** Page-locked memory that is held for copies. */
  readonly pinnedBytes: number;
  /** Of it, what is lent at present, and in how many slices. */
  readonly leasedBytes: number;
  readonly leases: number;
}

/** What a device's driver says when it is asked; absent: not to be had. */
export interface DeviceLoad extends Partial<DeviceMemory> {
  /** Share of the last moments in which the GPU computed, 0..1. */
  readonly busyShare?: number;
  readonly powerWatts?: number;
  readonly temperatureC?: number;
}

/** What a CPU device simulates. */
export interface SimulatedDevice {
  /**
   * Bytes of memory that it has, for tensors, weights and activations together; allocations beyond them fail as on a
   * GPU. Default 0: as the host has.
   */
  readonly limitBytes?: number;
  /**
   * Milliseconds that each run waits, with the cores free, instead of computing. Its outputs are those of the first run
   * with the same shapes, which computes. Default 0: every run computes.
   */
  readonly waitMs?: number;
  /**
   * Runs that fail, by their number, counted from 1 since the simulation began, and what ONNX Runtime would say: "CUDA
   * failure 2: out of memory", "CUDA failure 700: an illegal memory access was encountered".
   */
  readonly failures?: Readonly<Record<number, string>>;
}

/** `native/runtime/binding.*` */
export interface NativeBinding {
  run(settle: Settle<undefined>): JobId;
  dispose(): void;
}

/** Session options as the addon reads them, numbers in ONNX Runtime's own enumerations. */
export interface NativeSessionConfig {
  readonly provider: string;
  readonly fallback: boolean;
  readonly deviceId: number;
  readonly memoryLimitBytes: number;
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
  readonly graphOptimization: number;
  readonly logLevel: number;
  readonly providerOptions: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  readonly freeDimensions: Readonly<Record<string, number>>;
}

/** Objects alive in this process, over all worker threads. */
export interface LiveCounts {
  /** Node environments (the main thread, worker threads) that have loaded the addon. */
  readonly environments: number;
  readonly sessions: number;
  readonly tensors: number;
  readonly bindings: number;
  /** Jobs not settled yet: runs, copies, sessions being made. */
  readonly runs: number;
  /** Slices of page-locked memory that are lent. */
  readonly leases: number;
}

/** The ONNX Runtime in use. */
export interface RuntimeInfo {
  readonly version: string;
  readonly libraryPath: string;
  /** ONNX Runtime's names of the providers it was built with; whether they start is another matter. */
  readonly providers: readonly string[];
}

/** `native/runtime/device_calls.*` */
interface NativeDevices {
  /** No call of the driver. */
  deviceFigures(name: string): DeviceFigures;
  readDeviceLoad(name: string, settle: Settle<DeviceLoad>): JobId;
  simulateDevice(name: string, simulation: SimulatedDevice | undefined): void;
}

/** `native/runtime/preload.*` */
interface NativePreload {
  /** Loads libraries in this order on the device's thread; for each "" or why it did not load. Paths are absolute. */
  preloadLibraries(device: string, paths: readonly string[], settle: Settle<string[]>): JobId;
}

/** Session, tensor and runtime calls: `native/runtime/environment.*`, `session.*`, `tensor.*`, `binding.*`. */
interface NativeRuntime {
  useRuntime(libraryPath: string): void;
  runtimeInfo(): RuntimeInfo;
  liveCounts(): LiveCounts;
  /** Ends all work of this thread's environment; only cancelled results come after it. */
  shutDown(): void;
  cancel(job: JobId): boolean;
  /** Lets a job of steps end well after the step in progress. */
  stopSoon(job: JobId): boolean;
  tensorFromHost(dtype: Dtype, data: TensorData, dims: readonly number[]): NativeTensor;
  /** Zeros in memory of the addon. */
  tensorOnHost(dtype: Dtype, dims: readonly number[]): NativeTensor;
  /** On the device of a session, or of a name: zeros on the host, undefined contents elsewhere. */
  tensorOnDevice(
    dtype: Dtype,
    dims: readonly number[],
    place: NativeSession | string,
    settle: Settle<NativeTensor>,
  ): JobId;
  /** A host tensor with the array's contents, in a leased slice of the device's page-locked memory if there is room. */
  tensorInSlab(dtype: Dtype, data: TensorData, dims: readonly number[], place: NativeSession | string): NativeTensor;
  /** A copy of a host tensor on the device. */
  uploadTensor(source: NativeTensor, place: NativeSession | string, settle: Settle<NativeTensor>): JobId;
  /** A copy of a device tensor on the host, in a leased slice of page-locked memory. `name` and `finite` as in runs. */
  downloadTensor(source: NativeTensor, name: string, finite: boolean, settle: Settle<NativeTensor>): JobId;
  /**
   * `native/runtime/steps.*`: step i runs the bindings of round (first + i) modulo the number of rounds, then the
   * round's solver where there are any.
   */
  runSteps(
    rounds: readonly (readonly NativeBinding[])[],
    solvers: readonly NativeHostSolver[] | undefined,
    tensors: readonly NativeTensor[],
    rows: readonly TensorData[],
    first: number,
    steps: number,
    finite: boolean,
    yields: boolean,
    onStep: ((done: number) => void) | undefined,
    settle: Settle<number>,
  ): JobId;
  copyTensor(source: NativeTensor, target: NativeTensor, settle: Settle<undefined>): JobId;
  /** What ONNX Runtime would be told of threads and of the provider. */
  describeSessionOptions(config: NativeSessionConfig): {
    intraOpThreads: number;
    providerOptions: Record<string, string>;
  };
  createSession(model: string | Uint8Array, config: NativeSessionConfig, settle: Settle<NativeSession>): JobId;
  createBinding(
    session: NativeSession,
    inputNames: readonly string[],
    inputs: readonly NativeTensor[],
    outputNames: readonly string[],
    outputs: readonly NativeTensor[],
  ): NativeBinding;
}

/** `native/runtime/solver.*` */
export interface NativeHostSolver {
  readonly prediction: "epsilon" | "sample";
  readonly latent: NativeTensor;
  readonly output: NativeTensor;
  readonly previous: NativeTensor;
  readonly coefficients: NativeTensor;
  readonly choice: NativeTensor;
  readonly next: NativeTensor;
  readonly clean: NativeTensor;
}

/** `native/crash_notes.*` */
interface NativeCrashNotes {
  mark(slot: number, text: string | undefined): void;
  close(): void;
}

/** What `native/crash_notes.*` registers. */
interface NativeCrash {
  readonly CrashNotes: new (path: string) => NativeCrashNotes;
}

/** What `native/files.*` registers. Paths are text, or the bytes that they are on the disk. */
interface NativeFiles {
  /**
   * Writes, syncs and names a file, and syncs its folder. Gives 0, or the system's error number where something went
   * wrong once the file had its name; -1 where it has not got it, and nothing is left behind.
   */
  writeWholeFile(
    bytes: Uint8Array,
    folder: string,
    temporary: string,
    target: string,
    overwrite: boolean,
  ): Promise<number>;
  /** Undefined for whatever is no file that can be read and has at most so many bytes. */
  readWholeFile(path: string | Uint8Array, mostBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** What `native/checksum.cc` registers. */
interface NativeChecksum {
  /** Missing on processors without carry-less multiplication. `previous`: of the bytes before. */
  readonly crc32?: (bytes: Uint8Array, previous?: number) => number;
}
