// With COBRA_TEST_CPU=<file>, each test file appends a line to it: its path, and the CPU seconds of its process and of
// the processes it has started. Files that share a process are counted from where the one before them ended.
import { appendFileSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { afterAll, expect } from "vitest";

const TICKS_PER_SECOND = 100;
const list = process.env["COBRA_TEST_CPU"];

/** Of this process since it started, and of its children that have ended. */
function cpuSeconds(): { own: number; children: number } {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  return { own: user! + system!, children: childUser! + childSystem! };
}

/** What the files before this one have used. */
const shared = globalThis as { countedCpu?: ReturnType<typeof cpuSeconds> };

if (list !== undefined)
  afterAll(() => {
    const { own, children } = cpuSeconds();
    const { own: ownBefore, children: childrenBefore } = shared.countedCpu ?? { own: 0, children: 0 };
    shared.countedCpu = { own, children };
    const figures = [own - ownBefore, children - childrenBefore].map((seconds) => seconds.toFixed(2));
    appendFileSync(list, `${[relative("", expect.getState().testPath ?? ""), ...figures].join("\t")}\n`);
  });
