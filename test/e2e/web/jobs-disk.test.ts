// A real disk that is full under the jobs of the server: the job says so, what is done stays, and with room it goes on.
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canMount } from "../../support/mounts.js";
import { TestJobs } from "../../support/job-store.js";
import { onPaper, paperEngine } from "../../support/paper-engine.js";

describe.skipIf(!canMount())("jobs on a small disk (needs root and the right to mount)", () => {
  for (const restarted of [true, false])
    it(`lose nothing when it is full, and go on when there is room${restarted ? ", after a restart too" : ""}`, async () => {
      const disk = await mkdtemp(join(tmpdir(), "cobra-jobs-disk-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
      try {
        // Each picture takes a quarter of the disk.
        const engine = paperEngine((request) => onPaper(request, { data: Buffer.alloc(256 << 10, request.name) }), 1);
        await using jobs = await TestJobs.with(engine, { data: disk });
        const { id } = await jobs.chapter(6);
        const failed = await jobs.done(id);
        expect(failed).toMatchObject({ state: "failed", problem: { code: "ERR_OUTPUT_WRITE", status: 507 } });
        expect(failed.problem!.detail).toContain("the disk is full");
        expect(failed.problem!.detail).not.toContain(disk);
        const done = failed.progress.completed;
        expect(done).toBeGreaterThan(0);
        await expect(jobs.upload(id, { "more.png": Buffer.alloc(1 << 20) }, "reference")).rejects.toMatchObject({
          code: "ENOSPC",
        });
        execFileSync("mount", ["-o", "remount,size=16m", disk]);
        if (restarted) await jobs.restart();
        expect(["failed", "completed", "queued", "running"]).toContain(jobs.store.get(id).state);
        if (jobs.store.get(id).state === "failed") await jobs.store.retry(id);
        expect(await jobs.ended(id)).toMatchObject({ state: "completed", progress: { completed: 6 } });
        const names = engine.requests.map(({ name }) => name);
        expect(names.filter((name) => name === "p1.png")).toHaveLength(1);
        const left = await readdir(join(disk, "jobs", id), { recursive: true });
        expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
      } finally {
        execFileSync("umount", ["-l", disk]);
        await rm(disk, { recursive: true, force: true });
      }
    });
});
