// What the command loads before it has anything to do. Help and the version are ready text. Completion and wrong flags
// need the flags alone: no schema library, no logger, no codec, no addon. With work to do, it loads few files.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../support/cli.js";

const DIST = new URL("../../dist/", import.meta.url).href;
const WORKER = fileURLToPath(new URL("colorization/tasks/worker.js", DIST));
const HOOK = fileURLToPath(new URL("../support/loaded-modules.mjs", import.meta.url));
let root: string;

beforeAll(async () => (root = await mkdtemp(join(tmpdir(), "cobra-startup-"))));
afterAll(() => rm(root, { recursive: true, force: true }));

/** Packages and own files that a command loads; built-in modules left out. */
async function loadedBy(
  args: readonly string[],
): Promise<{ packages: string[]; files: string[]; code: number | null }> {
  const list = join(root, `${args.join("_").replaceAll("/", "")}.txt`);
  const { code } = await runCli(args, undefined, { NODE_OPTIONS: `--import=${HOOK}`, LOADED_MODULES: list });
  return { ...(await listed(list)), code };
}

async function listed(list: string): Promise<{ packages: string[]; files: string[] }> {
  const urls = (await readFile(list, "utf8")).trim().split("\n");
  const packages = urls.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  const files = urls.filter((url) => url.startsWith(DIST)).map((url) => url.slice(DIST.length));
  return { packages: [...new Set(packages)], files };
}

const OWN = /^(?:ui\/cli\/(?!actions\/)|chunks\/(?:all|command|command-schemas|ready-text|lost-output)\.js$)/;

it.each<[string, readonly string[]]>([
  ["--help", ["--help"]],
  ["--version", ["--version"]],
  ["help of a command", ["colorize", "--help"]],
  ["help of a command of a command", ["model", "import", "-h"]],
])("%s is printed without loading the program", async (_name, args) => {
  const { packages, files, code } = await loadedBy(args);
  expect(code).toBe(0);
  expect(packages).toEqual([]);
  expect(files.sort()).toEqual([
    "chunks/lost-output.js",
    "chunks/ready-text.js",
    "ui/cli/help-texts.js",
    "ui/cli/main.js",
  ]);
});

describe.each<[string, readonly string[], number]>([
  ["help after other arguments", ["colorize", "chapter.cbz", "--help"], 0],
  ["completion", ["completion", "bash"], 0],
  ["an unknown flag", ["colorize", "--sede", "3"], 64],
  ["an unknown command", ["colorise"], 64],
  ["a bad value", ["classify", "a.png", "--saturation", "x"], 64],
])("%s", (_name, args, exitCode) => {
  it("loads commander and the definitions of the commands, and no more", async () => {
    const { packages, files, code } = await loadedBy(args);
    expect(code).toBe(exitCode);
    expect(packages).toEqual(["commander"]);
    expect(files).toContain("ui/cli/main.js");
    expect(files.filter((file) => !OWN.test(file))).toEqual([]);
  });
});

it("sees what a command loads that has work to do", async () => {
  const { packages, files } = await loadedBy(["config", "schema"]);
  expect(packages).toContain("zod");
  expect(files).toContain("ui/cli/actions/config.js");
  expect(packages).not.toContain("piscina");
  expect(files.length).toBeLessThan(20);
});

it("loads no schema library in a worker thread, of which a command starts several", async () => {
  const list = join(root, "worker.txt");
  execFileSync(process.execPath, [`--import=${HOOK}`, WORKER], { env: { ...process.env, LOADED_MODULES: list } });
  const { packages, files } = await listed(list);
  expect(files).toContain("chunks/worker-pictures.js");
  expect(files.filter((file) => /engine|command|server/.test(file))).toEqual([]);
  expect(packages).not.toContain("zod");
});
