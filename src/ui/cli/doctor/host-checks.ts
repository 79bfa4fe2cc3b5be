/** The machine: Node, system, processor, memory, open files. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { glibcVersion, openFilesLimit, processorLimit } from "../../../platform/host-limits.js";
import { bytesText } from "../../../text/bytes-text.js";
import type { Finding } from "./finding.js";

const NODE_FLOOR = [20, 19] as const;
/** The addon that the package ships was linked against this glibc. */
const GLIBC_FLOOR = [2, 34] as const;
const MEMORY_FLOOR_BYTES = 2 * 2 ** 30;
const OPEN_FILES_FLOOR = 1024;

/** All findings about the machine. */
export async function checkHost(): Promise<Finding[]> {
  return [checkNode(process.versions.node), checkSystem(), await checkCores(), checkMemory(), await checkOpenFiles()];
}

function atLeast(version: string, floor: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > floor[0] || (major === floor[0] && minor >= floor[1]);
}

/** @param version such as "20.19.0" */
function checkNode(version: string): Finding {
  const base = { check: "node", title: "Node", found: version };
  if (atLeast(version, NODE_FLOOR)) return { ...base, status: "ok" };
  return { ...base, status: "error", remedy: `install Node ${NODE_FLOOR.join(".")} or newer` };
}

function checkSystem(): Finding {
  const glibc = glibcVersion();
  const base = {
    check: "system",
    title: "system",
    found: `${process.platform}-${process.arch}${glibc === undefined ? "" : `, glibc ${glibc}`}`,
  };
  if (process.platform !== "linux" || process.arch !== "x64")
    return { ...base, status: "error", remedy: "use Linux on x64; other systems are not supported" };
  if (glibc === undefined)
    return { ...base, status: "error", remedy: "use a distribution with glibc; musl (Alpine) is not supported" };
  if (atLeast(glibc, GLIBC_FLOOR)) return { ...base, status: "ok" };
  return {
    ...base,
    status: "warning",
    remedy: `the addon that comes with the package needs glibc ${GLIBC_FLOOR.join(".")}; use a newer distribution, or build the addon in a clone of the project: npm run build`,
  };
}

/** Cores, and what a container allows of them. */
async function checkCores(): Promise<Finding> {
  const allowed = Math.min(availableParallelism(), (await processorLimit()) ?? Infinity);
  const limited = allowed < availableParallelism();
  const found = `${availableParallelism()} (${cpus()[0]?.model.trim() ?? "unknown"})${limited ? `, of which this container may use ${allowed.toFixed(1)}` : ""}`;
  return {
    check: "cores",
    title: "cores",
    status: limited ? "warning" : "ok",
    found,
    ...(limited
      ? {
          remedy: `give --threads ${Math.max(1, Math.floor(allowed))}, so that no more threads run than the container may`,
        }
      : {}),
  };
}

function checkMemory(): Finding {
  const limit = process.constrainedMemory();
  const total = limit > 0 && limit < totalmem() ? limit : totalmem();
  const available = process.availableMemory();
  const base = { check: "memory", title: "memory", found: `${bytesText(available)} free of ${bytesText(total)}` };
  if (available >= MEMORY_FLOOR_BYTES) return { ...base, status: "ok" };
  return {
    ...base,
    status: "warning",
    remedy: `less than ${bytesText(MEMORY_FLOOR_BYTES)} are free: end other programs, or give --max-concurrent 1`,
  };
}

async function checkOpenFiles(): Promise<Finding> {
  const limit = await openFilesLimit();
  const base = {
    check: "open-files",
    title: "open files",
    found: limit === undefined ? "no limit" : `at most ${limit}`,
  };
  if (limit === undefined || limit >= OPEN_FILES_FLOOR) return { ...base, status: "ok" };
  return { ...base, status: "warning", remedy: `raise the limit: ulimit -n ${OPEN_FILES_FLOOR}` };
}
