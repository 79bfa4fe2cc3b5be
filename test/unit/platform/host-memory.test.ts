// Memory figures from /proc and control groups: written files for every layout, and the machine's own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { readHostMemory } from "../../../src/platform/host-memory.js";

const folders: string[] = [];
let root: string;

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cobra-host-"));
  folders.push(root);
  write({
    "proc/meminfo": "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     600 kB\n",
    "proc/self/status": "Name:\tnode\nVmSize:\t     900 kB\nVmRSS:\t      50 kB\n",
    "proc/self/limits":
      "Limit                     Soft Limit           Hard Limit           Units     \nMax address space         unlimited            unlimited            bytes     \n",
  });
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const KB = 1024;

describe("readHostMemory", () => {
  it("reads the machine's figures", () => {
    expect(readHostMemory(root)).toEqual({
      limitedBy: "machine",
      totalBytes: 1000 * KB,
      availableBytes: 600 * KB,
      processBytes: 50 * KB,
    });
  });

  it("reads a version 2 group, and does not count files the kernel can drop", () => {
    write({
      "proc/self/cgroup": "0::/a/b\n",
      "sys/fs/cgroup/a/b/memory.max": "102400\n",
      "sys/fs/cgroup/a/b/memory.current": "92160\n",
      "sys/fs/cgroup/a/b/memory.stat": "anon 1\ninactive_file 20480\n",
    });
    expect(readHostMemory(root)).toMatchObject({ limitedBy: "cgroup", totalBytes: 100 * KB, availableBytes: 30 * KB });
  });

  it("takes the group above where that is nearer to its limit", () => {
    write({
      "proc/self/cgroup": "0::/a/b\n",
      "sys/fs/cgroup/a/b/memory.max": "max\n",
      "sys/fs/cgroup/a/b/memory.current": "1024\n",
      "sys/fs/cgroup/a/memory.max": "204800\n",
      "sys/fs/cgroup/a/memory.current": "102400\n",
    });
    expect(readHostMemory(root)).toMatchObject({ limitedBy: "cgroup", totalBytes: 200 * KB, availableBytes: 100 * KB });
  });

  it("reads a version 1 group beside version 2, also mounted with others, also at the mount's root as containers have it", () => {
    write({
      "proc/self/cgroup": "4:cpu,memory:/docker/123\n0::/\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "51200\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "40960\n",
      "sys/fs/cgroup/memory/memory.stat": "inactive_file 5\ntotal_inactive_file 10240\n",
    });
    expect(readHostMemory(root)).toMatchObject({ limitedBy: "cgroup", totalBytes: 50 * KB, availableBytes: 20 * KB });
  });

  it("knows version 1's way to say that there is no limit", () => {
    write({
      "proc/self/cgroup": "4:memory:/x\n",
      "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712\n",
      "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "1\n",
    });
    expect(readHostMemory(root).limitedBy).toBe("machine");
  });

  it("reads the limit of data", () => {
    write({
      "proc/self/status": "VmRSS:\t 50 kB\nVmData:\t 300 kB\n",
      "proc/self/limits": "Max data size             409600               unlimited            bytes     \n",
    });
    expect(readHostMemory(root)).toMatchObject({
      limitedBy: "data-size",
      totalBytes: 400 * KB,
      availableBytes: 100 * KB,
    });
  });

  it("reads the address-space limit", () => {
    write({ "proc/self/limits": "Max address space         1024000              1024000              bytes     \n" });
    expect(readHostMemory(root)).toMatchObject({
      limitedBy: "address-space",
      totalBytes: 1000 * KB,
      availableBytes: 100 * KB,
    });
  });

  it("reads this machine", () => {
    const { totalBytes, availableBytes, processBytes } = readHostMemory();
    expect(totalBytes).toBeLessThanOrEqual(totalmem());
    expect(availableBytes).toBeGreaterThan(0);
    expect(processBytes).toBeGreaterThan(20 * 2 ** 20);
  });
});
