/** Small disks for tests: needs root and the right to mount. */
import { execFileSync } from "node:child_process";

/** Whether a small disk can be made here. */
export function canMount(): boolean {
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
