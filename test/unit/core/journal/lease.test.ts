// One run at a time on an output: who holds the lease, when it is taken over, and what the loser learns.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { link, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Journal } from "../../../../src/core/journal/journal.js";
import { leaseText, newLeaseRecord, parseLease, type LeaseRecord } from "../../../../src/core/journal/lease-record.js";
import { Lease, LEASE_TIMES, type LeaseClock, type LeaseOptions } from "../../../../src/core/journal/lease.js";
import { LockedJournal } from "../../../../src/core/journal/locked-journal.js";
import { removeLeftovers } from "../../../../src/io/files/atomic-file.js";
import { bootId, processStart } from "../../../../src/platform/processes.js";

let root: string;
let path: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-lease-"));
  path = join(root, "lease");
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A clock that is moved on by waiting. `onSleep` is called at each wait, with the milliseconds so far. */
function fakeClock(onSleep: (now: number) => void | Promise<void> = () => {}): LeaseClock & { now(): number } {
  let time = 0;
  return {
    now: () => time,
    sleep: async (ms) => {
      time += ms;
      await onSleep(time);
    },
    every: () => () => {},
  };
}

/** A lease of a run on another machine, as its file has it. */
const foreign = (more: Partial<LeaseRecord> = {}): LeaseRecord => ({
  ...newLeaseRecord(),
  host: "node-7",
  boot: "another boot",
  pid: 4711,
  ...more,
});
const acquire = (options: LeaseOptions = {}): Promise<Lease> =>
  Lease.acquire(path, "out", { clock: fakeClock(), ...options });

describe("a lease that is held", () => {
  it("is refused at once on this machine, with who holds it, and can be taken after release", async () => {
    const lease = await acquire();
    await expect(acquire()).rejects.toMatchObject({
      code: "ERR_OUTPUT_LOCKED",
      message: expect.stringContaining(
        `out is in use by another run: process ${process.pid} on ${hostname()}, since`,
      ) as string,
    });
    await lease.release();
    const next = await acquire();
    expect([lease.formerHolder, next.formerHolder]).toEqual([undefined, undefined]);
    await next.release();
    expect(await readdir(root)).toEqual([]);
  });

  it("keeps its length with every heartbeat, and its text changes", async () => {
    const lease = await acquire();
    const first = await readFile(path, "utf8");
    await lease.beat();
    const second = await readFile(path, "utf8");
    expect(second).toHaveLength(first.length);
    expect(second).not.toBe(first);
    expect(parseLease(second)).toMatchObject({ token: lease.token, pid: process.pid });
    await lease.release();
  });

  it("is refused on any machine as soon as one heartbeat is seen, whatever the clocks say", async () => {
    const holder = foreign();
    await writeFile(path, leaseText(holder));
    for (const seconds of [0, 5e8, 5e9]) {
      await utimes(path, seconds, seconds);
      let seen = 0;
      const clock = fakeClock(async (now) => {
        seen = now;
        if (now >= 29_000) await writeFile(path, leaseText({ ...holder, beat: "1".padStart(12) }));
      });
      await writeFile(path, leaseText(holder));
      await expect(acquire({ clock })).rejects.toMatchObject({
        code: "ERR_OUTPUT_LOCKED",
        message: expect.stringContaining("process 4711 on node-7") as string,
      });
      expect(seen).toBeLessThan(LEASE_TIMES.staleAfterMs);
    }
    expect(parseLease(await readFile(path, "utf8"))).toMatchObject({ host: "node-7" });
  });
});

describe("a lease is taken over", () => {
  it("from another machine or container once it was silent for the whole interval, and not before", async () => {
    for (const holder of [foreign(), { ...newLeaseRecord(), namespace: "pid:[1]" }]) {
      await writeFile(path, leaseText(holder));
      const clock = fakeClock();
      const waits: string[] = [];
      const lease = await acquire({ clock, onWait: (message) => waits.push(message) });
      expect(clock.now()).toBe(LEASE_TIMES.staleAfterMs);
      expect(waits).toEqual([
        expect.stringMatching(/^out is held by process .*; it is taken over if no heartbeat comes within 30 s$/u),
      ]);
      expect(lease.formerHolder).toEqual({ record: holder, gone: false });
      await lease.release();
    }
    expect(await readdir(root)).toEqual([]);
  });

  it("at once from a process of this machine that is dead", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    const dead = { ...newLeaseRecord(), pid: child.pid!, start: processStart(child.pid!) };
    await writeFile(path, leaseText(dead));
    await expect(acquire()).rejects.toMatchObject({ code: "ERR_OUTPUT_LOCKED" });
    child.kill("SIGKILL");
    await once(child, "close");
    const clock = fakeClock();
    const lease = await acquire({ clock });
    expect(clock.now()).toBe(0);
    expect(lease.formerHolder).toEqual({ record: dead, gone: true });
    expect(parseLease(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid, boot: bootId() });
    await lease.release();
  });

  it("from a living process that has stopped giving heartbeats, and from a torn file, whatever the clock says", async () => {
    // The time of the last heartbeat lies ahead where the machine's clock was set back since.
    for (const text of [leaseText(newLeaseRecord()), '{"pid":12', ""]) {
      for (const heartbeat of [new Date(0), new Date(Date.now() + 3_600_000)]) {
        await writeFile(path, text);
        await utimes(path, heartbeat, heartbeat);
        const clock = fakeClock();
        const lease = await acquire({ clock });
        expect(clock.now()).toBe(LEASE_TIMES.staleAfterMs);
        await lease.release();
      }
    }
  });

  it("by one of many that want it at once", async () => {
    await writeFile(path, leaseText(foreign()));
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => acquire()));
    const winners = results.filter((result) => result.status === "fulfilled");
    expect(winners).toHaveLength(1);
    for (const result of results)
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "ERR_OUTPUT_LOCKED" });
    await winners[0]!.value.release();
    expect(await readdir(root)).toEqual([]);
  });

  it("not when the waiting is given up", async () => {
    await writeFile(path, leaseText(foreign()));
    const stop = new AbortController();
    const clock = { ...fakeClock(), sleep: async () => stop.signal.throwIfAborted() };
    stop.abort(new Error("enough"));
    await expect(acquire({ clock, signal: stop.signal })).rejects.toThrow("enough");
    expect(parseLease(await readFile(path, "utf8"))).toMatchObject({ host: "node-7" });
  });
});

describe("the loser of a takeover", () => {
  it("learns of it at its next journal line, can do no harm, and leaves the new lease alone", async () => {
    const silent = { clock: fakeClock(), liveness: () => "unknown" as const };
    const late = await LockedJournal.open(root, "out", silent);
    await late.append({ type: "retry", pages: ["before"] });
    const next = await LockedJournal.open(root, "out", silent);
    await next.append({ type: "retry", pages: ["next"] });
    for (const act of [
      () => late.append({ type: "retry", pages: ["late"] }),
      async () => late.appendNow({ type: "retry", pages: ["late"] }),
      () => late.assertInPlace(),
    ])
      await expect(act()).rejects.toMatchObject({
        code: "ERR_OUTPUT_LOCKED",
        message: expect.stringMatching(
          /another run has taken over out: process .* so it stops\. Finished pages are kept$/u,
        ) as string,
      });
    expect(await late.isHeld()).toBe(false);
    await late.close();
    expect(await next.isHeld()).toBe(true);
    await next.close();
    const journal = await Journal.open(next.path);
    expect(journal.entries).toEqual([
      { type: "retry", pages: ["before"] },
      { type: "retry", pages: ["next"] },
    ]);
    await journal.close();
  });

  it("learns of a takeover by a run that has ended since", async () => {
    const silent = { clock: fakeClock(), liveness: () => "unknown" as const };
    const late = await LockedJournal.open(root, "out", silent);
    const next = await LockedJournal.open(root, "out", silent);
    await next.append({ type: "retry", pages: ["next"] });
    await next.close();
    await expect(late.assertInPlace()).rejects.toMatchObject({
      code: "ERR_OUTPUT_LOCKED",
      message: expect.stringMatching(
        /^another run has put its own journal in place of .*\. Finished pages are kept$/u,
      ) as string,
    });
    await late.close();
  });

  it("writes a line that was under way to a file that nobody reads", async () => {
    const file = join(root, "journal.ndjson");
    const late = await Journal.open(file); // as one that passed the check before it was suspended
    await writeFile(path, leaseText(foreign()));
    const next = await LockedJournal.open(root, "out", { clock: fakeClock() });
    late.appendNow({ type: "retry", pages: ["late"] });
    await next.append({ type: "retry", pages: ["next"] });
    await Promise.all([late.close(), next.close()]);
    const journal = await Journal.open(file);
    expect(journal.entries).toEqual([{ type: "retry", pages: ["next"] }]);
    await journal.close();
  });

  it("leaves the journal alone that a copy of the output with hard links has", async () => {
    const before = await LockedJournal.open(root, "out", { clock: fakeClock() });
    await before.append({ type: "retry", pages: ["before"] });
    await before.close();
    const copy = join(root, "copy.ndjson");
    await link(join(root, "journal.ndjson"), copy);
    const text = await readFile(copy, "utf8");
    const journal = await LockedJournal.open(root, "out", { clock: fakeClock() });
    await journal.append({ type: "retry", pages: ["after"] });
    await journal.close();
    expect(await readFile(copy, "utf8")).toBe(text);
    expect((await readFile(join(root, "journal.ndjson"), "utf8")).startsWith(text)).toBe(true);
  });

  it("is nobody where the lease file was only removed: it is written again", async () => {
    const journal = await LockedJournal.open(root, "out", { clock: fakeClock() });
    await rm(path);
    await journal.append({ type: "retry", pages: [] });
    expect(parseLease(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
    await expect(LockedJournal.open(root, "out", { clock: fakeClock() })).rejects.toMatchObject({
      code: "ERR_OUTPUT_LOCKED",
    });
    await journal.close();
    expect(await readdir(root)).toEqual(["journal.ndjson"]);
  });
});

describe("a lease that is put in place and cannot be opened at once", () => {
  type Files = typeof import("node:fs/promises");
  /** `Lease` where the first opening of a lease file is done by `opening`. */
  async function withOpening(
    opening: (files: Files, ...args: Parameters<Files["open"]>) => ReturnType<Files["open"]>,
  ): Promise<typeof Lease> {
    let first = true;
    vi.resetModules();
    vi.doMock("node:fs/promises", async (original) => {
      const files = await original<Files>();
      const open: Files["open"] = (...args) => {
        if (!first || args[0] !== path) return files.open(...args);
        first = false;
        return opening(files, ...args);
      };
      return { ...files, open };
    });
    try {
      return (await import("../../../../src/core/journal/lease.js")).Lease;
    } finally {
      vi.doUnmock("node:fs/promises");
      vi.resetModules();
    }
  }

  it("is held all the same once another taker has moved it away and back", async () => {
    const aside = `${path}.aside`;
    const LeaseThere = await withOpening(async (files, ...args) => {
      await files.rename(path, aside);
      const opened = await files.open(...args).catch((error: unknown) => ({ error }));
      await files.rename(aside, path);
      if ("error" in opened) throw opened.error;
      return opened;
    });
    const lease = await LeaseThere.acquire(path, "out", { clock: fakeClock() });
    expect(parseLease(await readFile(path, "utf8"))?.token).toBe(lease.token);
    await lease.beat();
    expect(parseLease(await readFile(path, "utf8"))?.beat.trim()).toBe("1");
    await lease.release();
    expect(await readdir(root)).toEqual([]);
  });

  it("is taken away again where it cannot be opened, so that it locks the output for nobody", async () => {
    const LeaseThere = await withOpening(() => Promise.reject(Object.assign(new Error("full"), { code: "EMFILE" })));
    const failed = LeaseThere.acquire(path, "out", { clock: fakeClock() });
    await expect(failed).rejects.toMatchObject({ code: "ERR_OUTPUT_WRITE" });
    expect(await readdir(root)).toEqual([]);
  });
});

describe("what a kill leaves of taking a lease", () => {
  it("is removed by a later run as other temporary files are", async () => {
    vi.resetModules();
    vi.doMock("node:fs/promises", async (original) => ({
      ...(await original<typeof import("node:fs/promises")>()),
      rm: async () => undefined, // as if killed before
    }));
    try {
      const module = await import("../../../../src/core/journal/lease.js");
      await writeFile(path, leaseText(foreign()));
      await (await module.Lease.acquire(path, "out", { clock: fakeClock() })).release();
    } finally {
      vi.doUnmock("node:fs/promises");
      vi.resetModules();
    }
    const left = (await readdir(root)).filter((name) => name !== "lease");
    expect(left).toHaveLength(3); // each of two takings, and the silent lease that was moved away
    const dead = spawn(process.execPath, ["-e", ""]);
    await once(dead, "close");
    for (const name of left)
      await rename(join(root, name), join(root, name.replace(`-${process.pid}-`, `-${dead.pid}-`)));
    await removeLeftovers(root);
    expect(await readdir(root)).toEqual(["lease"]);
  });
});

describe("a file system without hard links", () => {
  it.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "ENOSYS"])("that answers %s has leases too", async (code) => {
    vi.resetModules();
    vi.doMock("node:fs/promises", async (original) => ({
      ...(await original<typeof import("node:fs/promises")>()),
      link: () => Promise.reject(Object.assign(new Error("no links"), { code })),
    }));
    try {
      const module = await import("../../../../src/core/journal/lease.js");
      const lease = await module.Lease.acquire(path, "out");
      expect(parseLease(await readFile(path, "utf8"))?.token).toBe(lease.token);
      const living = { clock: fakeClock(), liveness: () => "alive" as const };
      await expect(module.Lease.acquire(path, "out", living)).rejects.toMatchObject({ code: "ERR_OUTPUT_LOCKED" });
      await lease.release();
    } finally {
      vi.doUnmock("node:fs/promises");
      vi.resetModules();
    }
  });

  it("keeps no lease whose text did not reach the disk", async () => {
    vi.resetModules();
    vi.doMock("node:fs/promises", async (original) => {
      const files = await original<typeof import("node:fs/promises")>();
      const full = (): Promise<never> => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
      const open: typeof files.open = async (...args) => Object.assign(await files.open(...args), { writeFile: full });
      const link = (): Promise<never> => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }));
      return { ...files, open, link };
    });
    try {
      const module = await import("../../../../src/core/journal/lease.js");
      await expect(module.Lease.acquire(path, "out")).rejects.toMatchObject({ code: "ERR_OUTPUT_WRITE" });
      expect(await readdir(root)).toEqual([]);
    } finally {
      vi.doUnmock("node:fs/promises");
      vi.resetModules();
    }
  });
});
