// `kill -9` at many moments, then the same command again: the outputs are those of an undisturbed run, and no page is
// ever set aside. The moments are the same each time, right after a line of the command; `npm run test:crash` tries
// others, between lines too.
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPageSource } from "../../src/io/open-source.js";
import { writeChapter } from "../support/chapter.js";
import { randomNumbers, runToPoint } from "../support/crash.js";
import { SMALL_MODEL } from "../support/shared-models.js";

const KILLS = Number(process.env["COBRA_KILLS"] ?? 8);
const SEED = Number(process.env["COBRA_KILL_SEED"] ?? 1);
const MAX_DELAY_MS = process.env["COBRA_KILL_SEED"] === undefined ? 0 : 40;

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-crash-"));
  await writeChapter(at("chapter.cbz"), 3);
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** All files of an output by name: hashes, for the metadata the pages and failures it tells of. */
async function contents(output: string): Promise<Record<string, string>> {
  const digest = (name: string, bytes: Uint8Array): string => {
    if (name !== "processing_metadata.json") return createHash("sha256").update(bytes).digest("hex");
    const { pages, failures } = JSON.parse(Buffer.from(bytes).toString()) as {
      pages: { page: string; width: number; seed: number; references: string[] }[];
      failures: unknown[];
    };
    return JSON.stringify([
      pages.map(({ page, width, seed, references }) => [page, width, seed, references]),
      failures,
    ]);
  };
  if ((await stat(output)).isDirectory()) {
    const names = (await readdir(output, { recursive: true }))
      .filter((name) => !name.startsWith(".cobra-batch"))
      .toSorted();
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, digest(name, await readFile(join(output, name)))])),
    );
  }
  const source = await openPageSource(output);
  try {
    return Object.fromEntries(
      await Promise.all(source.entries().map(async (entry) => [entry.name, digest(entry.name, await entry.read())])),
    );
  } finally {
    await source.close();
  }
}

/** A command and the exit code that it ends with. */
type Step = readonly [args: readonly string[], code: number];

const colorize = (output: string): string[] => [
  "colorize",
  at("chapter.cbz"),
  output.endsWith(".cbz") ? "--output-zip" : "--output-dir",
  output,
];
const PLAIN = (output: string): Step[] => [[colorize(output), 0]];
const WITH_PREVIEW = (output: string): Step[] => [
  [[...colorize(output), "--preview"], 3],
  [["reject", output, "--set", "seed=1"], 3],
  [["approve", output], 0],
];
const WITH_REDO = (output: string): Step[] => [
  [colorize(output), 0],
  [["redo", output, "p2.png", "--seed", "5"], 0],
];

interface Told {
  readonly type: string;
  readonly page?: string;
  readonly kept?: boolean;
}

const withFlags = (args: readonly string[]): string[] => [
  ...args,
  "--model",
  SMALL_MODEL,
  "--threads",
  "1",
  "--json",
  ...(args[0] === "colorize" ? ["--steps", "1"] : []),
];
const told = (lines: readonly string[]): Told[] => lines.map((line) => JSON.parse(line) as Told);

describe("a run killed at any moment", () => {
  it.concurrent.each([
    ["a folder", "out", PLAIN],
    ["an archive", "out.cbz", PLAIN],
    ["a folder, with a preview rejected and approved", "shown", WITH_PREVIEW],
    ["an archive, of which a page is done again", "redone.cbz", WITH_REDO],
  ])(
    "continues where it was, into %s: nothing twice, nothing lost, no page set aside",
    async (_what, name, steps) => {
      const random = randomNumbers(SEED);
      const folder = await mkdtemp(at("kills-"));
      const plain = join(folder, `plain-${name}`);
      const undisturbed: number[] = [];
      for (const [args, code] of steps(plain)) {
        const result = await runToPoint(withFlags(args));
        expect(result, result.stderr).toMatchObject({ killed: false, code });
        undisturbed.push(result.lines.length);
      }
      const expected = await contents(plain);
      expect(Object.keys(expected)).toHaveLength(7);
      await rm(plain, { recursive: true });

      const history: string[] = [];
      for (let kills = 0; kills < KILLS / 4;) {
        const output = join(folder, name);
        const finished = new Set<string>();
        for (const [number, [args, code]] of steps(output).entries()) {
          for (let killed = true; killed;) {
            const last = kills >= KILLS / 4;
            const point = {
              lines: Math.floor(random() * (undisturbed[number]! + 1)),
              delayMs: Math.floor(random() * MAX_DELAY_MS),
            };
            history.push(`${args[0]} ${last ? "to the end" : `${point.lines} lines + ${point.delayMs} ms`}`);
            const result = await runToPoint(withFlags(args), last ? undefined : point);
            const where = `seed ${SEED}: ${history.join(", ")}; ${result.lines.at(-1)} ${result.stderr}`;
            const events = told(result.lines);
            expect(
              events.filter(({ type }) => type === "page-failed"),
              where,
            ).toEqual([]);
            for (const { page, kept } of events.filter(({ type }) => type === "page-completed")) {
              if (steps === PLAIN && finished.has(page!)) expect(kept, `${page} ${where}`).toBe(true);
              finished.add(page!);
            }
            ({ killed } = result);
            if (killed) kills++;
            else expect(result.code, where).toBe(code);
          }
        }
        const where = `seed ${SEED}: ${history.join(", ")}`;
        expect(await contents(output), where).toEqual(expected);
        expect(await readdir(folder), where).toEqual([name]);
        await rm(output, { recursive: true });
      }
    },
    Math.max(600_000, KILLS * 20_000),
  );
});
