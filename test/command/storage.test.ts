// Storage that fails: full, read-only, gone in the middle, no file handles. Each is a clear error and exit code 75,
// finished pages are safe, and the same command goes on afterwards.
import { execFileSync, spawn } from "node:child_process";
import { renameSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { CLI_PATH, runCli } from "../support/cli.js";
import { canMount, canMountFuse } from "../support/mounts.js";
import { SMALL_MODEL } from "../support/shared-models.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 }); // many runs in processes of their own

let root: string;
const at = (name: string): string => join(root, name);

const isRoot = process.getuid?.() === 0;

const mountable = canMount();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-storage-"));
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
  await writeFolder(at("in"), {
    "p1.png": await linePage(1),
    "p2.png": await linePage(2),
    "p3.png": await linePage(3),
    "p4.png": await linePage(4),
  });
});

afterAll(async () => {
  if (mountable) for (const disk of ["disk"]) execFileSync("sh", ["-c", `umount ${at(disk)} 2>/dev/null || true`]);
  await rm(root, { recursive: true, force: true });
});

const command = (...output: string[]): string[] => [...colorize("in", 12, ...output), "--threads", "1"];

function colorize(input: string, steps: number, ...output: string[]): string[] {
  const model = ["--model", SMALL_MODEL, "--steps", String(steps)];
  return ["colorize", at(input), "--reference-dir", at("refs"), ...output, ...model];
}
const pictures = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith(".png")).toSorted();

describe.skipIf(!mountable)("a small disk (needs root and the right to mount)", () => {
  it("that is full, then read-only, keeps finished pages safe; the same command goes on when it is put right", async () => {
    await mkdir(at("disk"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=300k", "tmpfs", at("disk")]);
    const out = at("disk/out");
    const full = await runCli(command("--output-dir", out));
    expect(full.stderr).toMatch(/the disk is full; free some space.*\[ERR_OUTPUT_WRITE\]/);
    expect(full.code).toBe(75);
    const safe = await pictures(out);
    expect(safe.length).toBeGreaterThan(0);
    expect(safe.length).toBeLessThan(4);
    // whole pictures, no halves
    for (const name of safe) expect((await sharp(await readFile(join(out, name))).stats()).channels).toHaveLength(3);

    execFileSync("mount", ["-o", "remount,ro", at("disk")]);
    for (const folder of [out, at("disk/other/deep")]) {
      const readOnly = await runCli(command("--output-dir", folder));
      expect(readOnly.stderr).toMatch(/the file system is read-only.*\[ERR_OUTPUT_WRITE\]/);
      expect(readOnly.code).toBe(75);
    }

    execFileSync("mount", ["-o", "remount,rw,size=8m", at("disk")]);
    const again = await runCli(command("--output-dir", out));
    expect(again.code).toBe(0);
    expect(again.stderr.match(/finished earlier\)/g)).toHaveLength(safe.length);
    expect(await pictures(out)).toHaveLength(4);
    expect((await readdir(out)).filter((name) => name.startsWith(".cobra-") && name !== ".cobra-batch")).toEqual([]);
  });
});

describe.skipIf(!canMountFuse())("a FUSE file system (needs bindfs and the right to mount)", () => {
  // As on a network share, a deleted file that is open stays in its folder under another name.
  it("holds an archive and nothing else once its run has ended", async () => {
    await mkdir(at("below"));
    await mkdir(at("fuse"));
    execFileSync("bindfs", [at("below"), at("fuse")]);
    try {
      const { code, stderr } = await runCli(command("--output-zip", at("fuse/out.cbz")));
      expect(stderr).not.toContain("error:");
      expect(code).toBe(0);
      expect(await readdir(at("fuse"))).toEqual(["out.cbz"]);
    } finally {
      execFileSync("umount", [at("fuse")]);
    }
  });
});

describe("an output folder", () => {
  it.skipIf(isRoot)("without the right to write (not as root, who may) is a clear error", async () => {
    await mkdir(at("mine"));
    await chmod(at("mine"), 0o555);
    const result = await runCli(command("--output-dir", join(at("mine"), "out")));
    expect(result.stderr).toMatch(/permission denied; make the folder writable.*\[ERR_OUTPUT_WRITE\]/);
    expect(result.code).toBe(75);
  });

  it("that vanishes in the middle ends the run; it is not begun anew where nobody finds the rest", async () => {
    const out = at("vanishing");
    let gone = false;
    const stopped = await runCli(
      [...command("--output-dir", out), "--max-concurrent", "1", "--json"],
      (_child, stdout) => {
        if (gone || !stdout.includes('"page-completed"')) return;
        gone = true;
        renameSync(out, at("elsewhere"));
      },
    );
    expect(stopped.stderr).toMatch(
      /the folder has vanished; check that the disk is still mounted.*\[ERR_OUTPUT_WRITE\]/,
    );
    expect(stopped.code).toBe(75);
    expect(await readdir(root)).not.toContain("vanishing");
    const safe = await pictures(at("elsewhere"));
    expect(safe).toContain("p1_colorized.png");
    renameSync(at("elsewhere"), out);
    const again = await runCli(command("--output-dir", out));
    expect(again.code).toBe(0);
    expect(again.stderr.match(/finished earlier\)/g)).toHaveLength(safe.length);
    expect(await pictures(out)).toHaveLength(4);
  });
});

it("files have the rights that the umask leaves, so that a group can go on with a shared folder", async () => {
  await mkdir(at("group"));
  await writeFolder(at("one"), { "p1.png": await linePage(1), "notes.txt": Buffer.from("x") });
  for (const output of [
    ["--output-dir", at("group/out")],
    ["--output-zip", at("group/out.cbz"), "--preview"],
  ]) {
    const run = colorize("one", 1, ...output);
    try {
      execFileSync("sh", ["-c", 'umask 002 && exec "$@"', "sh", process.execPath, CLI_PATH, ...run], { stdio: "pipe" });
    } catch (error) {
      expect((error as { status: number }).status, "a preview waits").toBe(3);
    }
  }
  const made = await readdir(at("group"), { recursive: true, withFileTypes: true });
  const files = made.filter((entry) => entry.isFile());
  const closed = files.filter((entry) => (statSync(join(entry.parentPath, entry.name)).mode & 0o777) !== 0o664);
  expect(files.length).toBeGreaterThan(4);
  expect(closed.map(({ name }) => name)).toEqual([]);
});

describe("too many open files", () => {
  const limited = (limit: number, args: readonly string[]): Promise<{ code: number | null; stderr: string }> =>
    new Promise((resolve) => {
      const child = spawn("sh", ["-c", `ulimit -n ${limit}; exec "$0" "$@"`, process.execPath, CLI_PATH, ...args], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.on("close", (code) => resolve({ code, stderr }));
    });

  it("is said, with how to raise the limit, and worth trying again", async () => {
    const result = await limited(24, command("--output-dir", at("handles")));
    expect(result.stderr).toMatch(/too many open files.*ulimit -n/);
    expect(result.code).toBe(75);
    expect(await readdir(root)).not.toContain("handles");
  });
});
