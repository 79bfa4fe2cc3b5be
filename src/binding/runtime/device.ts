/** Devices: where memory lies and networks run, as values with a kind. */
import { guarded } from "../faults.js";
import { loadAddon } from "../load.js";
import type { DeviceFigures, DeviceKind, DeviceLoad } from "../types.js";
import { runJob } from "./jobs.js";
import { loadRuntime } from "./runtime.js";

/** A device. There is one object for each in a process, so that devices can be compared with `===`. */
export class Device {
  /** "cpu", "cpu:1", "cuda:0", "webgpu:0". */
  readonly name: string;
  readonly kind: DeviceKind;
  /** Which of its kind. */
  readonly index: number;
  /** Whether its memory is host memory, which JavaScript reads in place. */
  readonly onHost: boolean;
  /** Whether its memory has addresses, so that a view may begin anywhere. Not so on WebGPU. */
  readonly addressable: boolean;
  /** Whether it copies while it computes. */
  readonly copiesBesideRuns: boolean;

  private constructor(name: string) {
    const { kind, index, onHost, addressable, copiesBesideRuns } = guarded(() => loadAddon().addon.deviceFigures(name));
    this.name = name;
    this.kind = kind;
    this.index = index;
    this.onHost = onHost;
    this.addressable = addressable;
    this.copiesBesideRuns = copiesBesideRuns;
    Object.freeze(this);
  }

  static readonly #known = new Map<string, Device>();

  /**
   * The device of a name, whether the machine has it or not.
   * @throws ValidationError `ERR_ARGUMENT` for a name that no device can have
   */
  static of(name: string): Device {
    let device = Device.#known.get(name);
    if (device === undefined) {
      device = new Device(name);
      Device.#known.set(name, device);
    }
    return device;
  }

  /** What is known of the device without asking its driver: memory as it was when a run last ended, and own counts. */
  figures(): DeviceFigures {
    return guarded(() => loadAddon().addon.deviceFigures(this.name));
  }

  /**
   * Asks the driver, on a thread of the device. Figures that it does not have are absent.
   * @throws InferenceError `ERR_DEVICE_LOST`
   */
  readLoad(): Promise<DeviceLoad> {
    const addon = loadRuntime();
    return runJob<DeviceLoad>((settle) => addon.readDeviceLoad(this.name, settle));
  }

  toString(): string {
    return this.name;
  }

  toJSON(): string {
    return this.name;
  }
}
