// Namespaces in which a process believes it is on another machine: a host name and process numbers of its own.
import { execFileSync } from "node:child_process";

/** Arguments of `unshare` before the command. */
export const UNSHARE = ["--uts", "--pid", "--fork", "--mount-proc", "--kill-child"];

/** Whether namespaces can be made here: needs root and the right to make them. */
export function canUnshare(): boolean {
  try {
    execFileSync("unshare", [...UNSHARE, "hostname", "worker"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
