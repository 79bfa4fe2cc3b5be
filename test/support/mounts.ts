/** Whether file systems can be mounted here, for tests of storage: needs root and the right to mount. */
import { execFileSync } from "node:child_process";

/** A small disk in memory, which fills up. */
export function canMount(): boolean {
  return canBeMounted((folder) => ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
}

/** A folder by FUSE; needs bindfs and the device too. */
export function canMountFuse(): boolean {
  return canBeMounted((folder) => ["bindfs", folder, folder]);
}

function canBeMounted(commandFor: (folder: string) => [string, ...string[]]): boolean {
  const folder = execFileSync("mktemp", ["-d"]).toString().trim();
  try {
    const [command, ...args] = commandFor(folder);
    execFileSync(command, args, { stdio: "ignore" });
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync("rmdir", [folder]);
  }
}
