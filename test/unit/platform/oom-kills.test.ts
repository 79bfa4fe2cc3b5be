// Out-of-memory kills as the kernel counts them, from files as both versions of control groups have them.
import { statSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readOomKills } from "../../../src/platform/oom-kills.js";

let root: string;
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), "cobra-oom-"))));
afterEach(() => rm(root, { recursive: true, force: true }));

async function files(all: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
}

const numberOf = (folder: string): string => String(statSync(join(root, folder)).ino);

describe("readOomKills", () => {
  it("reads version 2, also where the path is the host's", async () => {
    await files({
      "proc/self/cgroup": "0::/job/7\n",
      "sys/fs/cgroup/job/7/memory.events": "low 0\nmax 5\noom 2\noom_kill 2\noom_group_kill 0\n",
      "proc/vmstat": "nr_free_pages 1\noom_kill 9\n",
    });
    expect(readOomKills(root)).toEqual({ group: 2, groupId: numberOf("sys/fs/cgroup/job/7"), machine: 9 });
    await files({ "proc/self/cgroup": "0::/../elsewhere\n", "sys/fs/cgroup/memory.events": "oom_kill 4\n" });
    expect(readOomKills(root)).toEqual({ group: 4, groupId: numberOf("sys/fs/cgroup"), machine: 9 });
  });

  it("reads version 1", async () => {
    await files({
      "proc/self/cgroup": "3:cpu,cpuacct:/x\n2:memory:/x\n",
      "sys/fs/cgroup/memory/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    });
    expect(readOomKills(root)).toEqual({ group: 3, groupId: numberOf("sys/fs/cgroup/memory/x"), machine: undefined });
  });

  it("says that it does not know where nothing tells", () => {
    expect(readOomKills(root)).toEqual({ group: undefined, groupId: undefined, machine: undefined });
  });
});
