/**
 * CPU devices that behave like GPUs, for tests and benchmarks: little memory, waiting instead of computing, errors on
 * demand. No part of the public API.
 */
import { ValidationError } from "../../errors.js";
import { guarded } from "../faults.js";
import { loadAddon } from "../load.js";
import type { NativeAddon, SimulatedDevice } from "../types.js";

/** Environment variable with simulations for a whole process: a JSON object from device names to `SimulatedDevice`. */
const SIMULATE_VARIABLE = "COBRA_SIMULATE_DEVICES";

/**
 * Makes a CPU device a simulated one, or, without `simulation`, a plain one again. A limit holds for sessions that are
 * made afterwards; all else holds from the next run. A lost device comes back.
 */
export function simulateDevice(name: string, simulation?: SimulatedDevice): void {
  guarded(() => {
    loadAddon().addon.simulateDevice(name, simulation);
  });
}

/** Applies the environment variable. @throws ValidationError `ERR_ARGUMENT` where it is no such object. */
export function simulateFromEnvironment(addon: NativeAddon): void {
  const text = process.env[SIMULATE_VARIABLE];
  if (text === undefined || text === "") return;
  let devices: unknown;
  try {
    devices = JSON.parse(text);
  } catch {
    devices = undefined;
  }
  if (typeof devices !== "object" || devices === null)
    throw new ValidationError(
      "ERR_ARGUMENT",
      `${SIMULATE_VARIABLE} is ${text}; it must be a JSON object such as {"cpu": {"limitBytes": 1000000, "waitMs": 20}}`,
    );
  for (const [name, simulation] of Object.entries(devices))
    guarded(() => {
      addon.simulateDevice(name, simulation as SimulatedDevice);
    });
}
