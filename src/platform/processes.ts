/**
 * Identifies processes of this machine, even after a restart: from /proc, or from signals where /proc is missing. On
 * systems other than Linux the boot and the start time of a process are unknown, which counts as the same.
 */
import { systemCode } from "../errors.js";
import { systemText } from "./system-text.js";

/** Differs after every restart of the machine; empty where the system does not tell. */
export function bootId(): string {
  return systemText("/proc/sys/kernel/random/boot_id").trim();
}

/** Whether a process with this number lives. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/**
 * When a process started, in clock ticks since the boot, so that a reused number is not taken for the old process;
 * empty when unknown.
 */
export function processStart(pid: number): string {
  const text = systemText(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? ""; // the name in parentheses may hold anything; field 22 of proc(5)
}
