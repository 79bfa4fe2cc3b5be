// Two commands for one finished archive, in processes of their own. The first one is held right before an operation on
// the disk; meanwhile the second one runs from its start to its end.
import { execFileSync } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readArchiveMetadata } from "../../src/core/output/archive-metadata.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runCli, type CliResult } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 }); // many runs in processes of their own

const PRELOAD = `--import=${new URL("../support/hold-itself.mjs", import.meta.url).href}`;

let root: string;
let finished: Buffer;
const at = (name: string): string => join(root, name);
let colorize: string[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-two-commands-"));
  await writeFolder(at("in"), { "1.png": await linePage(1), "2.png": await linePage(2) });
  await writeFolder(at("refs"), { "r.jpg": await colourPage(1) });
  const paths = ["--reference-dir", at("refs"), "--output-zip", at("out.cbz")];
  colorize = ["colorize", at("in"), ...paths, "--steps", "1", "--model", SMALL_MODEL];
  expect(await runCli(colorize)).toMatchObject({ code: 0 });
  finished = await readFile(at("out.cbz"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Runs one command from its start to its end while another one is held. */
async function overtaken(
  hold: { operation: string; path: string },
  first: string[],
  second: string[],
): Promise<[CliResult, CliResult]> {
  await rm(at("gate"), { recursive: true, force: true });
  await mkdir(at("gate"));
  const [held, go] = [at("gate/held"), at("gate/go")];
  execFileSync("mkfifo", [go]);
  const reached = new Promise<void>((resolve) => {
    const watcher = watch(at("gate"), () => {
      if (!existsSync(held)) return;
      watcher.close();
      resolve();
    });
  });
  const running = runCli(first, undefined, {
    NODE_OPTIONS: PRELOAD,
    COBRA_TEST_HOLD: JSON.stringify({ ...hold, held, go }),
  });
  await Promise.race([reached, running.then(({ stderr }) => Promise.reject(new Error(`never held: ${stderr}`)))]);
  const other = await runCli(second);
  await writeFile(go, "");
  return [await running, other];
}

const POINTS: [where: string, hold: { operation: string; path: string }, codes: [number, number]][] = [
  ["takes the lease", { operation: "link", path: "/lease" }, [0, 0]],
  ["puts the pictures of the archive in place", { operation: "rename", path: "/.pages" }, [0, 75]],
  ["opens the archive again", { operation: "rename", path: "/journal.ndjson" }, [0, 75]],
  ["gives the archive its name", { operation: "rename", path: "/out.cbz" }, [0, 75]],
];

describe("a command that is overtaken before it", () => {
  it.each(POINTS)("%s: colorize and colorize add a page once", async (_, hold, codes) => {
    await writeFile(at("out.cbz"), finished);
    await writeFile(at("in/3.png"), await linePage(3));
    const ends = await overtaken(hold, colorize, colorize);
    expect(ends.map(({ code }) => code)).toEqual(codes);
    const text = ends.map(({ stderr }) => stderr).join("\n");
    expect(
      text.match(/\d coloured, /gu)?.filter((one) => !one.startsWith("0")),
      text,
    ).toEqual(["1 coloured, "]);
    expect((await readArchiveMetadata(at("out.cbz")))!.pages).toHaveLength(3);
    await rm(at("in/3.png"));
    await rm(at("gate"), { recursive: true });
    expect((await readdir(root)).toSorted()).toEqual(["in", "out.cbz", "refs"]);
  });

  it.each(POINTS)("%s: of redo and redo those have effect that were not refused", async (_, hold) => {
    await writeFile(at("out.cbz"), finished);
    const redo = (page: string, seed: string): string[] => [
      "redo",
      at("out.cbz"),
      page,
      "--seed",
      seed,
      "--model",
      SMALL_MODEL,
    ];
    const ends = await overtaken(hold, redo("1.png", "5"), redo("2.png", "6"));
    // The first one finds the archive changed where the other one has had the lease meanwhile.
    expect(ends.map(({ code }) => code)).toEqual(hold.operation === "link" ? [75, 0] : [0, 75]);
    const { pages, run } = (await readArchiveMetadata(at("out.cbz")))!;
    expect(pages.map(({ seed }) => seed)).toEqual(hold.operation === "link" ? [0, 6] : [5, 0]);
    expect(Object.keys(run!.adjustments.pages)).toEqual([hold.operation === "link" ? "2.png" : "1.png"]);
    await rm(at("gate"), { recursive: true });
    expect((await readdir(root)).toSorted()).toEqual(["in", "out.cbz", "refs"]);
  });
});
