// `kill -9` at many moments, then the same command again: the outputs are those of an undisturbed run, and no page is
// ever quarantined. The moments are the same each time, right after a line of the command; `npm run test:crash` tries
// others, between lines too.
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPageSource } from "../../src/io/open-source.js";
import { writeChapter } from "../support/chapter.js";
import { randomNumbers, runToPoint } from "../support/crash.js";
import { ASKED_KILLS, ASKED_SEED, killRounds, type Round } from "../support/kill-rounds.js";
import { SMALL_MODEL } from "../support/shared-models.js";

/** Without a seed from outside, kills come right after a line. */
const MAX_DELAY_MS = ASKED_SEED === undefined ? 0 : 40;
/** Before its first line a command takes so many times as long as between two lines. */
const START_DELAYS = 40;
/** Of a round; then its commands run to their ends. */
const MAX_KILLS = 8;

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

/** A kind of output, the commands that make it, and what undisturbed ones leave. */
const KINDS: readonly (readonly [what: string, name: string, steps: (output: string) => Step[]])[] = [
  ["a folder", "out", PLAIN],
  ["an archive", "out.cbz", PLAIN],
  ["a folder with a preview rejected and approved", "shown", WITH_PREVIEW],
  ["an archive of which a page is done again", "redone.cbz", WITH_REDO],
];

interface Undisturbed {
  /** Lines that each command says. */
  readonly lines: readonly number[];
  readonly contents: Record<string, string>;
}

async function makeUndisturbed(kind: number): Promise<Undisturbed> {
  const [, name, steps] = KINDS[kind]!;
  const plain = join(await mkdtemp(at("plain-")), name);
  const lines: number[] = [];
  for (const [args, code] of steps(plain)) {
    const result = await runToPoint(withFlags(args));
    expect(result, result.stderr).toMatchObject({ killed: false, code });
    lines.push(result.lines.length);
  }
  const made = { lines, contents: await contents(plain) };
  expect(Object.keys(made.contents)).toHaveLength(7);
  return made;
}

/** Makes an output with commands that are killed at points drawn from the seed, up to `MAX_KILLS` of them. */
async function play(seed: number, undisturbed: (kind: number) => Promise<Undisturbed>): Promise<Round> {
  const kind = seed % KINDS.length;
  const [what, name, steps] = KINDS[kind]!;
  const { lines, contents: expected } = await undisturbed(kind);
  const random = randomNumbers(seed);
  const folder = await mkdtemp(at(`seed-${seed}-`));
  const output = join(folder, name);
  const [kills, aside, faults]: string[][] = [[], [], []] as [string[], string[], string[]];
  const finished = new Set<string>();
  for (const [number, [args, code]] of steps(output).entries()) {
    for (let killed = true; killed;) {
      const point = {
        lines: Math.floor(random() * (lines[number]! + 1)),
        delayMs: Math.floor(random() * MAX_DELAY_MS),
      };
      if (point.lines === 0) point.delayMs *= START_DELAYS;
      const result = await runToPoint(withFlags(args), kills.length < MAX_KILLS ? point : undefined);
      for (const { type, page, kept } of told(result.lines)) {
        if (type === "page-failed") aside.push(page!);
        if (type !== "page-completed") continue;
        if (steps === PLAIN && finished.has(page!) && kept !== true) faults.push(`${page} was done twice`);
        finished.add(page!);
      }
      ({ killed } = result);
      if (killed) kills.push(`${args[0]} at line ${point.lines} + ${point.delayMs} ms`);
      else if (result.code !== code) {
        faults.push(`${args[0]} ended with ${result.code}: ${result.lines.at(-1)} ${result.stderr}`);
        return { what, kills, aside, faults };
      }
    }
  }
  const made = await contents(output);
  for (const file of new Set([...Object.keys(made), ...Object.keys(expected)]))
    if (made[file] !== expected[file]) faults.push(`${file} is ${made[file]}, undisturbed ${expected[file]}`);
  const there = await readdir(folder);
  if (there.length !== 1) faults.push(`left behind: ${there.join(", ")}`);
  await rm(folder, { recursive: true });
  return { what, kills, aside, faults };
}

it(
  "a run killed at any moment continues where it was: nothing twice, nothing lost, no page quarantined",
  async () => {
    const made = new Map<number, Promise<Undisturbed>>();
    const undisturbed = (kind: number): Promise<Undisturbed> => {
      if (!made.has(kind)) made.set(kind, makeUndisturbed(kind));
      return made.get(kind)!;
    };
    await killRounds({ kills: ASKED_KILLS || 8, rounds: KINDS.length, atOnce: 4, seed: ASKED_SEED ?? 1 }, (seed) =>
      play(seed, undisturbed),
    );
  },
  Math.max(600_000, ASKED_KILLS * 40_000),
);
