/**
 * Counts processes that the kernel has killed for lack of memory: in this process's control group (versions 2 and 1),
 * and on the machine. If a count has risen, a process that vanished may have been one of them.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { systemText } from "./system-text.js";

/** Counts since the group was made and since the boot; undefined where the system does not tell. */
export interface OomKills {
  readonly group: number | undefined;
  /** Which group that is, by the number of its folder; two containers have the same path, but not the same number. */
  readonly groupId: string | undefined;
  readonly machine: number | undefined;
}

const GROUPS = [
  { line: /^0::(.*)$/mu, mount: "sys/fs/cgroup", file: "memory.events" },
  { line: /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/mu, mount: "sys/fs/cgroup/memory", file: "memory.oom_control" },
] as const;

/** @param root where `proc` and `sys` are; for tests with written files */
export function readOomKills(root = "/"): OomKills {
  const groups = systemText(join(root, "proc/self/cgroup"));
  const counts = GROUPS.flatMap(({ line, mount, file }) => {
    const path = line.exec(groups)?.[1];
    if (path === undefined) return [];
    // In a container the path may be the host's; the group is then at the mount itself.
    return [join(root, mount, path), join(root, mount)].flatMap((folder) => {
      const count = countIn(join(folder, file));
      return count === undefined ? [] : [{ count, id: numberOf(folder) }];
    });
  });
  return { group: counts[0]?.count, groupId: counts[0]?.id, machine: countIn(join(root, "proc/vmstat")) };
}

function numberOf(folder: string): string | undefined {
  try {
    return String(statSync(folder, { bigint: true }).ino);
  } catch {
    return undefined;
  }
}

function countIn(path: string): number | undefined {
  const found = /^oom_kill (\d+)$/mu.exec(systemText(path))?.[1];
  return found === undefined ? undefined : Number(found);
}
