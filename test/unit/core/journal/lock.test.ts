// One run at a time on an output: who holds the lock, and when it is taken over.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isStale, RunLock, type LockHolder } from "../../../../src/core/journal/lock.js";
import { bootId, processStart } from "../../../../src/platform/processes.js";

let root: string;
let count = 0;
beforeAll(async () => (root = await mkdtemp(join(tmpdir(), "cobra-lock-"))));
afterAll(() => rm(root, { recursive: true, force: true }));

const fresh = (): string => join(root, `lock-${count++}`);
const living: LockHolder = {
  pid: process.pid,
  start: processStart(process.pid),
  boot: bootId(),
  host: hostname(),
  since: "2026-01-01T00:00:00.000Z",
};

describe("isStale", () => {
  const here = { host: "h", boot: "b" };
  const holder: LockHolder = { pid: 7, start: "100", boot: "b", host: "h", since: "" };
  it.each([
    ["a living process holds it", holder, "100", false],
    ["the process is gone", holder, undefined, true],
    ["its number was given to another process", holder, "200", true],
    ["the machine was restarted", { ...holder, boot: "a" }, "100", true],
    ["it is on another host, which cannot be asked", { ...holder, host: "x" }, undefined, false],
  ])("%s", (_what, who, start, expected) => {
    expect(isStale(who, here, () => start)).toBe(expected);
  });
});

describe("RunLock", () => {
  it("says who holds it while the holder lives, also in the same process, and can be taken after release", async () => {
    const path = fresh();
    const lock = await RunLock.acquire(path, "out");
    await expect(RunLock.acquire(path, "out")).rejects.toMatchObject({
      code: "ERR_OUTPUT_LOCKED",
      message: expect.stringContaining(`another run works on out: process ${process.pid} on ${hostname()}`) as string,
    });
    await lock.release();
    const next = await RunLock.acquire(path, "out");
    expect([lock.tookOver, next.tookOver]).toEqual([false, false]);
    await next.release();
    expect(await readdir(root)).toEqual([]);
  });

  it("takes over from a process that was killed, from another boot, and from a torn file", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    const dead = { ...living, pid: child.pid!, start: processStart(child.pid!) };
    const path = fresh();
    await writeFile(path, JSON.stringify(dead));
    await expect(RunLock.acquire(path, "out")).rejects.toMatchObject({ code: "ERR_OUTPUT_LOCKED" });
    child.kill("SIGKILL");
    await once(child, "close");
    for (const text of [JSON.stringify(dead), JSON.stringify({ ...living, boot: "another" }), '{"pid":12', ""]) {
      await writeFile(path, text);
      const lock = await RunLock.acquire(path, "out");
      // killed in this boot: its pages are suspected; not so after a restart of the machine
      expect(lock.tookOver, text).toBe(text === JSON.stringify(dead));
      expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid, boot: bootId() });
      await lock.release();
    }
    expect(await readdir(root)).toEqual([]);
  });

  it("goes to one of many that want it at once", async () => {
    const path = fresh();
    await writeFile(path, JSON.stringify({ ...living, boot: "another" }));
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => RunLock.acquire(path, "out")));
    const winners = results.filter((result) => result.status === "fulfilled");
    expect(winners).toHaveLength(1);
    await winners[0]!.value.release();
    expect(await readdir(root)).toEqual([]);
  });
});
