// Signals to `cobra-batch colorize`: it drains, gives up when asked again, and the same command goes on.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchSummary } from "../../src/core/events.js";
import { writeChapter } from "../support/chapter.js";
import { runCli, runCliSignalled } from "../support/cli.js";
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
});
