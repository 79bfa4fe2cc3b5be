/**
 * Limits of this process besides memory: open files (/proc) and processor time (control groups, version 2). On systems
 * other than Linux no limits are known.
 */
import { readFile } from "node:fs/promises";

/** How many files may be open at once; undefined where nothing limits it or it is unknown. */
export async function openFilesLimit(): Promise<number | undefined> {
  const soft = /^Max open files\s+(\d+)/mu.exec(await textOf("/proc/self/limits"))?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** How many processors' time a container may use, such as 1.5; undefined where nothing limits it or it is unknown. */
export async function processorLimit(): Promise<number | undefined> {
  const [quota, period] = (await textOf("/sys/fs/cgroup/cpu.max")).trim().split(" ").map(Number);
  return Number.isFinite(quota) && Number.isFinite(period) ? quota! / period! : undefined;
}

/** The version of the GNU C library that runs this process; undefined where it is another one. */
export function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}

function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
