/**
 * Memory of this machine as this process may use it: /proc/meminfo, the limits of the process's control groups
 * (versions 2 and 1, and of the groups above), and its own limits (`ulimit -v`, `ulimit -d`). The one that is nearest
 * to being reached counts.
 */
import { dirname, join } from "node:path";
import { systemText } from "./system-text.js";

/** What there is and what is left of it. */
export interface HostMemory {
  /** The limit that counts. */
  readonly totalBytes: number;
  /** What this process may still take. */
  readonly availableBytes: number;
  /** Which limit that is. */
  readonly limitedBy: "machine" | "cgroup" | "address-space" | "data-size";
  /** Resident memory of this process. */
  readonly processBytes: number;
}

interface Limit {
  readonly limitedBy: HostMemory["limitedBy"];
  readonly totalBytes: number;
  readonly availableBytes: number;
}

/** @param root where `proc` and `sys` are; for tests with written files */
export function readHostMemory(root = "/"): HostMemory {
  const status = systemText(join(root, "proc/self/status"));
  const limits = [machineLimit(root), ...cgroupLimits(root), ...processLimits(root, status)].filter(
    (limit) => limit !== undefined,
  );
  const nearest = limits.reduce<Limit>(
    (least, limit) => (limit.availableBytes < least.availableBytes ? limit : least),
    { limitedBy: "machine", totalBytes: Infinity, availableBytes: Infinity },
  );
  return { ...nearest, processBytes: kilobytes(status, "VmRSS") ?? 0 };
}

/** The bytes of a `Name:   123 kB` line. */
function kilobytes(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "mu").exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

function machineLimit(root: string): Limit | undefined {
  const text = systemText(join(root, "proc/meminfo"));
  const [totalBytes, availableBytes] = [kilobytes(text, "MemTotal"), kilobytes(text, "MemAvailable")];
  return totalBytes === undefined || availableBytes === undefined
    ? undefined
    : { limitedBy: "machine", totalBytes, availableBytes };
}

/** Files of one version of control groups. */
const VERSIONS = [
  {
    line: /^0::(.*)$/mu,
    mount: "sys/fs/cgroup",
    limit: "memory.max",
    usage: "memory.current",
    cache: /^inactive_file (\d+)$/mu,
  },
  {
    line: /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$/mu,
    mount: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    cache: /^total_inactive_file (\d+)$/mu,
  },
] as const;

/** Version 1 says so for "no limit": a page below 2^63. */
const NO_LIMIT_BYTES = 2 ** 60;

function cgroupLimits(root: string): Limit[] {
  const groups = systemText(join(root, "proc/self/cgroup"));
  return VERSIONS.flatMap((version) => {
    const path = version.line.exec(groups)?.[1];
    if (path === undefined) return [];
    const limits: Limit[] = [];
    // In a container the path may be the host's and lead nowhere below the mount; its root is then what counts.
    for (let group = path; ; group = dirname(group)) {
      const folder = join(root, version.mount, group);
      const totalBytes = Number(systemText(join(folder, version.limit)).trim() || Infinity);
      const usedBytes = Number(systemText(join(folder, version.usage)).trim() || NaN);
      if (totalBytes < NO_LIMIT_BYTES && Number.isFinite(usedBytes)) {
        const cachedBytes = Number(version.cache.exec(systemText(join(folder, "memory.stat")))?.[1] ?? 0); // files the kernel drops before anything fails
        limits.push({
          limitedBy: "cgroup",
          totalBytes,
          availableBytes: Math.max(0, totalBytes - usedBytes + cachedBytes),
        });
      }
      if (group === "/" || group === "." || group === "") return limits;
    }
  });
}

/** `ulimit -v` and `ulimit -d`, and what counts against each. */
const PROCESS_LIMITS = [
  { limitedBy: "address-space", line: /^Max address space\s+(\d+)/mu, usage: "VmSize" },
  { limitedBy: "data-size", line: /^Max data size\s+(\d+)/mu, usage: "VmData" },
] as const;

function processLimits(root: string, status: string): Limit[] {
  const text = systemText(join(root, "proc/self/limits"));
  return PROCESS_LIMITS.flatMap(({ limitedBy, line, usage }) => {
    const limit = line.exec(text)?.[1];
    const usedBytes = kilobytes(status, usage);
    return limit === undefined || usedBytes === undefined
      ? []
      : [{ limitedBy, totalBytes: Number(limit), availableBytes: Math.max(0, Number(limit) - usedBytes) }];
  });
}
