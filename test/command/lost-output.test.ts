/** Output that cannot be written: a full disk behind standard output or standard error loses lines, never pages. */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeChapter } from "../support/chapter.js";
import { CLI_PATH } from "../support/cli.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-lost-"));
  await writeChapter(join(folder, "chapter.cbz"), 1);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.skipIf(!existsSync("/dev/full")).each([
  ["stdout", ["--json"]],
  ["stderr", []],
] as const)("a full disk behind %s", async (stream, flags) => {
  const full = openSync("/dev/full", "w");
  const out = join(folder, `${stream}.cbz`);
  const args = [CLI_PATH, "colorize", join(folder, "chapter.cbz"), "--output-zip", out, "--style", "line", ...flags];
  const code = await new Promise((resolve) => {
    const stdio = stream === "stdout" ? (["ignore", full, "ignore"] as const) : (["ignore", "ignore", full] as const);
    spawn(process.execPath, args, { stdio: [...stdio] }).on("close", resolve);
  });
  closeSync(full);
  expect(code).toBe(0);
  expect(existsSync(out)).toBe(true);
});

it.skipIf(!existsSync("/dev/full")).each([
  ["config", "schema"],
  ["classify", "--json"],
  ["doctor", "--help"],
])("a full disk that takes no result is a failure: %s %s", (command, flag) => {
  const full = openSync("/dev/full", "w");
  const input = command === "classify" ? [join(folder, "chapter.cbz")] : [];
  const { status, stderr } = spawnSync(process.execPath, [CLI_PATH, command, ...input, flag], {
    stdio: ["ignore", full, "pipe"],
    encoding: "utf8",
  });
  closeSync(full);
  expect(stderr).toMatch(/error: standard output cannot be written \(ENOSPC\); lines of it are missing\n$/u);
  expect(status).toBe(75);
});
