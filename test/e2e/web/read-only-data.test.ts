// `cobra-batch serve` on a data folder that takes nothing: at the start, while it runs, and once it takes files again.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chapterFiles } from "../../support/chapter.js";
import { runCli } from "../../support/cli.js";
import { canMount } from "../../support/mounts.js";
import { startCommand } from "../../support/web-server.js";

interface Told {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly remedy: string;
}

describe.skipIf(!canMount())("a data folder that is read-only (needs root and the right to mount)", () => {
  it("is told at the start; while the server runs changes are refused, and what is there can be looked at", async () => {
    const disk = await mkdtemp(join(tmpdir(), "cobra-read-only-"));
    const mount = (...args: string[]): void => void execFileSync("mount", args);
    mount("-t", "tmpfs", "-o", "size=4g", "tmpfs", disk);
    // A file system with files open for writing cannot become read-only; a mount over its folders can be.
    const folders = ["jobs", "uploads"].map((name) => join(disk, "data", name));
    const lock = (): void => {
      for (const folder of folders) {
        mount("--bind", folder, folder);
        mount("-o", "remount,bind,ro", folder);
      }
    };
    const unlock = (): void => {
      for (const folder of folders) execFileSync("umount", [folder]);
    };
    try {
      mount("-o", "remount,ro", disk);
      const refused = await runCli(["serve", "--port", "0", "--data", join(disk, "data")]);
      expect(refused.code).toBe(75);
      expect(refused.stderr).toContain("ERR_OUTPUT_WRITE");
      expect(refused.stderr).toMatch(/read-only/);
      mount("-o", "remount,rw", disk);
      await using server = await startCommand(["--data", join(disk, "data")]);
      const call = (method: string, path: string, body?: unknown): Promise<Response> =>
        fetch(`${server.url}/api/v1/${path}`, {
          method,
          ...(body === undefined
            ? {}
            : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
        });
      const made = (await (await call("POST", "jobs", { name: "before" })).json()) as { id: string };
      const form = async (): Promise<FormData> => {
        const data = new FormData();
        for (const [name, bytes] of Object.entries(await chapterFiles(1)))
          data.append("file", new Blob([new Uint8Array(bytes)]), name);
        return data;
      };
      const upload = async (): Promise<Response> =>
        fetch(`${server.url}/api/v1/jobs/${made.id}/files`, { method: "POST", body: await form() });

      lock();
      const changes: readonly [string, () => Promise<Response>][] = [
        ["a new job", () => call("POST", "jobs", { name: "after" })],
        ["a new name", () => call("PATCH", `jobs/${made.id}`, { name: "other" })],
        ["an upload", upload],
        [
          "an upload that can be resumed",
          () =>
            fetch(`${server.url}/api/v1/uploads`, {
              method: "POST",
              headers: {
                "tus-resumable": "1.0.0",
                "upload-length": "10",
                "upload-metadata": `job ${btoa(made.id)},role ${btoa("input")},path ${btoa("a.png")}`,
              },
            }),
        ],
      ];
      for (const [what, change] of changes) {
        const answer = await change();
        const told = (await answer.json()) as Told;
        expect(answer.headers.get("content-type"), what).toContain("application/problem+json");
        expect(told, what).toMatchObject({ status: 507, code: "ERR_OUTPUT_WRITE" });
        expect(told.detail + told.remedy, what).not.toContain(disk);
        expect(told.remedy, what).not.toMatch(/--[a-z]/);
      }
      const list = (await (await call("GET", "jobs")).json()) as { name: string }[];
      expect(list.map(({ name }) => name)).toEqual(["before"]);

      unlock();
      expect((await upload()).status).toBe(201);
      expect((await call("POST", "jobs", { name: "after" })).status).toBe(201);
    } finally {
      execFileSync("umount", ["-R", "-l", disk]);
      await rm(disk, { recursive: true, force: true });
    }
  });
});
