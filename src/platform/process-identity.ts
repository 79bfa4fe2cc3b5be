/** Identifies the process that wrote a file, so that other processes can find out whether it still runs. */
import { createHash } from "node:crypto";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";
import { bootId, processExists, processStart } from "./processes.js";

/** A process, as others can recognise it. */
export const processIdentity = z.object({
  /** For people alone: two containers may have the same name. */
  host: z.string(),
  /** The machine's boot; empty where the system does not tell. */
  boot: z.string(),
  /** The PID namespace: in another one the same number is another process. */
  namespace: z.string(),
  pid: z.int().positive(),
  /** When the process started, in clock ticks since the boot; empty where the system does not tell. */
  start: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

/** What can be said of a process from here; `unknown` for one of another machine, boot or container. */
export type Liveness = "alive" | "gone" | "unknown";

/** What this process sees of the others. */
export interface ProcessView {
  readonly boot: string;
  readonly namespace: string;
  exists(pid: number): boolean;
  startOf(pid: number): string;
}

const system: ProcessView = {
  boot: bootId(),
  namespace: pidNamespace(),
  exists: processExists,
  startOf: processStart,
};

/** Differs between containers of one machine; empty where the system does not tell. */
function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  const { boot, namespace } = system;
  return { host: hostname(), boot, namespace, pid: process.pid, start: processStart(process.pid) };
}

/** Short text that is the same for processes that see each other. */
export function processScope(): string {
  return createHash("sha256").update(`${system.boot} ${system.namespace}`).digest("hex").slice(0, 8);
}

/** Whether a process is there. Says `gone` only where that is certain. */
export function livenessOf(
  { boot, namespace, pid, start }: Omit<ProcessIdentity, "host">,
  view: ProcessView = system,
): Liveness {
  if (boot === "" || boot !== view.boot || namespace !== view.namespace) return "unknown";
  if (!view.exists(pid)) return "gone";
  const now = view.startOf(pid);
  if (now === "" || start === "") return "unknown";
  return now === start ? "alive" : "gone";
}

/** So long after it was last written, what nobody can be asked about is left over. */
const ABANDONED_MS = 24 * 3600 * 1000;

/**
 * Whether an unfinished file or folder was left by a process that has ended.
 * @param liveness of the process that was writing it
 * @param ageMs since it was last written
 */
export function isLeftOver(liveness: Liveness, ageMs: number): boolean {
  return liveness === "gone" || (liveness === "unknown" && ageMs > ABANDONED_MS);
}
