// Signals to `cobra-batch colorize`: it drains, gives up when asked again, and the same command goes on.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { BatchSummary } from "../../src/core/events.js";
import { writeChapter } from "../support/chapter.js";
import { CLI_PATH, runCli, runCliSignalled } from "../support/cli.js";
import { SMALL_MODEL, TINY_MODEL } from "../support/shared-models.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-signals-"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("signals", () => {
  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)(
    "drains at %s with exit code %i and leaves no half-written archive; the same command goes on",
    async (signal, code) => {
      await writeChapter(at(`${signal}.cbz`), 4);
      const command = [
        "colorize",
        at(`${signal}.cbz`),
        "--output-zip",
        at(`${signal}-out.cbz`),
        "--model",
        SMALL_MODEL,
        "--steps",
        "12",
        "--max-concurrent",
        "1",
        "--json",
      ];
      const result = await runCliSignalled(command, signal, ['"page-completed"']);
      expect(result).toMatchObject({ code, signal: null });
      expect(result.stderr).toContain(`stopped by ${signal}`);
      const stopped = JSON.parse(result.stdout.trimEnd().split("\n").at(-1)!) as BatchSummary;
      expect(stopped).toMatchObject({ type: "batch-stopped", total: 4, failed: 0 });
      expect((await readdir(root)).filter((name) => name.includes(`${signal}-out`))).toEqual([
        `${signal}-out.cbz.cobra-batch`,
      ]);
      const again = await runCli(command);
      expect(again.code).toBe(0);
      expect(again.stdout.match(/"kept":true/g)).toHaveLength(stopped.completed);
      expect((await readdir(root)).filter((name) => name.includes(`${signal}-out`))).toEqual([`${signal}-out.cbz`]);
    },
  );

  it("gives up at the second signal, between two steps, and after the time for draining", async () => {
    await writeChapter(at("long.cbz"), 2);
    for (const [name, drain, signals] of [
      ["second", "600", 2],
      ["deadline", "0", 1],
    ] as const) {
      const args = ["--model", TINY_MODEL, "--steps", "900", "--drain", drain, "--json"];
      const result = await runCliSignalled(
        ["colorize", at("long.cbz"), "--output-zip", at(`${name}-out.cbz`), ...args],
        "SIGTERM",
        ['"step":2', '"step":3'].slice(0, signals),
      );
      expect(result).toMatchObject({ code: 143, signal: null });
      expect(result.stderr).toContain("stopped by SIGTERM");
      expect((await readdir(root)).filter((entry) => entry.includes(`${name}-out`))).toEqual([]);
    }
  });

  it.skipIf(spawnSync("script", ["--version"]).status !== 0)(
    "ends with 129 and no crash when its terminal goes away (needs script of util-linux)",
    async () => {
      await writeChapter(at("gone.cbz"), 3);
      const command = `"${process.execPath}" "${CLI_PATH}" colorize "${at("gone.cbz")}" --output-dir "${at("gone")}" --model "${SMALL_MODEL}" --max-concurrent 1`;
      // The shell outlives its terminal and tells how the command ended.
      const shell = `trap : HUP; ${command}; echo $? > "${at("code")}"`;
      const terminal = spawn("script", ["-qec", shell, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
      let shown = "";
      terminal.stdout.on("data", (data) => (shown += String(data)));
      await vi.waitFor(() => expect(shown).toMatch(/1 of 3|1\/3/u), { timeout: 120_000 });
      terminal.kill("SIGKILL");
      await vi.waitFor(async () => expect(await readFile(at("code"), "utf8")).toMatch(/\n/u), { timeout: 120_000 });
      expect(await readFile(at("code"), "utf8")).toBe("129\n");
    },
  );
});
