/**
 * Which process is which on this machine, also after a restart: from /proc, and from signals where that is missing.
 * Elsewhere than on Linux the boot and the start of a process are unknown, which counts as the same.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { systemCode } from "../errors.js";

/** A process by what tells it from every other one, of this machine and of others. */
export interface ProcessOwner {
  readonly host: string;
  /** Of the machine's start; empty where it is unknown. */
  readonly boot: string;
  readonly pid: number;
  /** Of the process, in clock ticks since the boot; empty where it is unknown. */
  readonly start: string;
}

export function thisProcess(): ProcessOwner {
  return { host: hostname(), boot: bootId(), pid: process.pid, start: processStart(process.pid) };
}

/** Whether a process is gone for certain. One on another host cannot be asked and so counts as living. */
export function isGone({ host, boot, pid, start }: ProcessOwner): boolean {
  return host === hostname() && (boot !== bootId() || !processExists(pid) || processStart(pid) !== start);
}

/** Differs after every restart of the machine; empty where the system does not tell. */
export function bootId(): string {
  return readText("/proc/sys/kernel/random/boot_id").trim();
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
 * When a process started, in clock ticks since the boot, so that a number given anew is not taken for the old process;
 * empty when unknown.
 */
export function processStart(pid: number): string {
  const text = readText(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? ""; // the name in parentheses may hold anything; field 22 of proc(5)
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
