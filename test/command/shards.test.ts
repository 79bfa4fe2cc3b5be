// The command with several chapters, and shards on two machines' worth of processes: hostnames and PID namespaces of
// their own, one shared output.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CLI_PATH, runCli } from "../support/cli.js";
import { linePage, colourPage, writeChapter, writeFolder } from "../support/chapter.js";
import { openPageSource } from "../../src/io/open-source.js";
import { hashOf } from "../support/paper-engine.js";
import { SMALL_MODEL } from "../support/shared-models.js";
import { canUnshare, UNSHARE } from "../support/other-machine.js";

let root: string;
const at = (...names: string[]): string => join(root, ...names);
const MODEL = ["--model", SMALL_MODEL, "--steps", "1", "--top-k", "1"];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-farm-"));
  await writeFolder(at("chapters/pages"), { "p1.png": await linePage(1), "ref.jpg": await colourPage(1) });
  await writeChapter(at("chapters/b.cbz"), 4);
  await writeFile(at("chapters/broken.cbz"), "no archive");
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function entriesOf(path: string): Promise<[string, string][]> {
  const source = await openPageSource(path);
  const entries = source.entries().filter(({ name }) => !name.includes("metadata"));
  const found = await Promise.all(
    entries.map(async (entry): Promise<[string, string]> => [entry.name, hashOf(await entry.read())]),
  );
  await source.close();
  return found;
}

it("colours chapters of its arguments and of a list with one engine; a bad one costs itself; the worst exit code counts", async () => {
  await writeFile(at("list.txt"), `${at("chapters/b.cbz")}\n\n${at("chapters/broken.cbz")}\n`);
  const args = ["colorize", at("chapters/pages"), "--from-file", at("list.txt"), "--output-dir", at("out"), ...MODEL];
  const { code, stdout } = await runCli([...args, "--json"]);
  expect(code).toBe(1);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.at(-1)).toMatchObject({
    type: "chapters-completed",
    chapters: 3,
    completed: 2,
    notBegun: 0,
    pages: { total: 5, completed: 5, failed: 0, unfinished: 0 },
    faults: [{ input: at("chapters/broken.cbz"), exitCode: 1 }],
  });
  expect((await readdir(at("out"))).toSorted()).toEqual(["b_colorized.cbz", "pages_colorized"]);
});

it("a shard with a failed page names its own failures.json", async () => {
  await writeFolder(at("damaged"), {
    "1.png": await linePage(1),
    "2.png": await linePage(2),
    "3.png": Buffer.from("x"),
  });
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  const args = ["colorize", at("damaged"), "--reference-dir", at("refs"), "--output-zip", at("damaged.cbz"), ...MODEL];
  const { code, stderr } = await runCli([...args, "--shard", "2/2"]);
  expect(code).toBe(2);
  const [, path] = /failures +(\S+)/.exec(stderr) ?? [];
  expect(path).toBe(at("damaged.cbz.cobra-batch/shards/2-of-2/failures.json"));
  expect(await readFile(path!, "utf8")).toContain("3.png");
});

/** Runs the command on a machine of its own. */
function onMachine(host: string, args: readonly string[]): Promise<number | null> {
  const script = `hostname ${host} && exec "$0" "$@"`;
  const child = spawn("unshare", [...UNSHARE, "sh", "-c", script, process.execPath, CLI_PATH, ...args], {
    stdio: "ignore",
  });
  return new Promise((resolve) => child.on("close", resolve));
}

it.skipIf(!canUnshare())("two machines do the shards of one archive at once, and assemble joins them", async () => {
  const shard = (k: string): string[] => [
    "colorize",
    at("chapters/b.cbz"),
    "--output-zip",
    at("shared.cbz"),
    "--shard",
    k,
    ...MODEL,
    "--threads",
    "1",
  ];
  expect(await Promise.all([onMachine("a", shard("1/2")), onMachine("b", shard("2/2"))])).toEqual([0, 0]);
  const joined = await runCli(["assemble", at("shared.cbz"), "--json"]);
  expect(joined.code).toBe(0);
  expect(await entriesOf(at("shared.cbz"))).toEqual(await entriesOf(at("out/b_colorized.cbz")));
  expect((await readdir(root)).filter((name) => name.startsWith("shared"))).toEqual(["shared.cbz"]);
});

it("does nothing for shards of an archive that is assembled already, and says so", async () => {
  const shard = (k: string) =>
    runCli(["colorize", at("chapters/b.cbz"), "--output-zip", at("twice.cbz"), "--shard", k, ...MODEL]);
  for (const k of ["1/2", "2/2"]) expect((await shard(k)).code).toBe(0);
  expect((await runCli(["assemble", at("twice.cbz")])).code).toBe(0);
  const before = await readFile(at("twice.cbz"));
  for (const k of ["1/2", "2/2"]) {
    const again = await shard(k);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("twice.cbz is assembled already, from")]);
  }
  const joined = await runCli(["assemble", at("twice.cbz")]);
  expect([joined.code, joined.stderr]).toEqual([0, expect.stringContaining("it has every page, and no shards")]);
  expect(await readFile(at("twice.cbz"))).toEqual(before);
  expect(await runCli(["assemble", at("chapters/b.cbz")])).toMatchObject({ code: 1 });
});
