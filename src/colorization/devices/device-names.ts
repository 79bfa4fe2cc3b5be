/** Devices by name: which ones an engine uses, and the session options of each. */
import { parseDeviceName, PROVIDERS, type Provider } from "../../binding/runtime/providers.js";
import type { SessionOptions } from "../../binding/index.js";
import { ResourceError, ValidationError } from "../../errors.js";
import { countGpus, NVIDIA_GPUS } from "../../platform/nvidia-gpus.js";

/** A device of an engine. */
export interface NamedDevice {
  /** Unique in the engine. */
  readonly name: string;
  readonly session: SessionOptions;
}

/** What chooses the devices; part of `EngineOptions`. */
interface DeviceOptions {
  readonly session?: SessionOptions | undefined;
  readonly devices?: "all" | readonly string[] | undefined;
  readonly deviceMemoryBytes?: number | undefined;
}

/**
 * The devices of an engine. ONNX Runtime counts GPUs within `CUDA_VISIBLE_DEVICES`, and so do the names.
 * @throws ValidationError `ERR_SESSION_OPTION` for a name that is none; ResourceError `ERR_PROVIDER_UNAVAILABLE` for
 * "all" where there is no GPU
 */
export function deviceSessions({ session = {}, devices }: DeviceOptions): NamedDevice[] {
  if (devices === undefined) return [{ name: deviceName(session), session }];
  const names = devices === "all" ? visibleGpus().map((index) => `cuda:${index}`) : devices;
  if (names.length === 0)
    throw new ValidationError("ERR_SESSION_OPTION", "the list of devices is empty", { remedy: "name one" });
  const seen = new Set<string>();
  return names.map((text) => {
    const one = { ...session, ...parseDevice(text, session.provider) };
    // "cpu,cpu" are two lanes on one processor.
    if (one.provider === "cpu") while (seen.has(deviceName(one))) one.deviceId++;
    const name = deviceName(one);
    if (seen.has(name))
      throw new ValidationError("ERR_SESSION_OPTION", `the device "${text}" is named twice`, {
        remedy: "name each GPU once",
      });
    seen.add(name);
    return { name, session: one };
  });
}

/** Whether a device has memory of its own, and so a ledger: not the CPU, unless a limit makes it so. */
export function hasOwnMemory({ provider = "cpu" }: SessionOptions, { deviceMemoryBytes }: DeviceOptions): boolean {
  return provider !== "cpu" || deviceMemoryBytes !== undefined;
}

function deviceName({ provider = "cpu", deviceId = 0 }: SessionOptions): string {
  if (provider === "cpu" && deviceId === 0) return "cpu";
  return `${PROVIDERS[provider].isNvidia ? "cuda" : provider}:${deviceId}`;
}

/** @param provider of the session: TensorRT stays TensorRT on every GPU */
function parseDevice(text: string, provider: Provider | undefined): { provider: Provider; deviceId: number } {
  const named = parseDeviceName(text);
  if (named === undefined)
    throw new ValidationError(
      "ERR_SESSION_OPTION",
      `there is no device "${text}"; devices are "all", or a list of "cpu", "cuda:0", "cuda:1", …`,
    );
  return { ...named, provider: named.provider === "cuda" && provider === "tensorrt" ? "tensorrt" : named.provider };
}

/** Numbers of the NVIDIA GPUs that this process sees, from 0. @throws ResourceError `ERR_PROVIDER_UNAVAILABLE` */
function visibleGpus(): number[] {
  const visible = process.env["CUDA_VISIBLE_DEVICES"];
  const count = visible === undefined ? countGpus() : namedGpus(visible);
  if (count === 0)
    throw new ResourceError(
      "ERR_PROVIDER_UNAVAILABLE",
      `no NVIDIA GPU is visible for the devices "all" (${visible === undefined ? `${NVIDIA_GPUS} lists none` : `CUDA_VISIBLE_DEVICES is "${visible}"`})`,
      { remedy: `name devices, such as "cpu"` },
    );
  return Array.from({ length: count }, (_, index) => index);
}

/** As CUDA reads the list: up to the first entry that is no GPU. */
function namedGpus(visible: string): number {
  const entries = visible.split(",").map((entry) => entry.trim());
  const end = entries.findIndex((entry) => !/^(?:\d+|GPU-[\da-fA-F-]+|MIG-.+)$/u.test(entry));
  return end === -1 ? entries.length : end;
}
