// Small disks for tests of storage that fills up.
import { execFileSync } from "node:child_process";

/** Whether a small disk can be made here: needs root and the right to mount. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const probe = execFileSync("mktemp", ["-d"]).toString().trim();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" });
    execFileSync("umount", [probe]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync("rmdir", [probe]);
  }
}
