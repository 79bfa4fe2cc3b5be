// `kill -9` at random moments, then the same command again: the outputs are those of an undisturbed run. COBRA_KILLS
// says how often.
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPageSource } from "../../src/io/open-source.js";
import { buildPresetPackage } from "../../src/convert/index.js";
import { writeChapter } from "../support/chapter.js";
import { randomNumbers, runToPoint } from "../support/crash.js";

const KILLS = Number(process.env["COBRA_KILLS"] ?? 30);
const SEED = Number(process.env["COBRA_KILL_SEED"] ?? Date.now() % 1e6);

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-crash-"));
  await writeChapter(at("chapter.cbz"), 3);
  await buildPresetPackage({ directory: at("model"), preset: "tiny" });
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

const COLORIZE = (output: string): string[] => [
  "colorize",
  at("chapter.cbz"),
  output.endsWith(".cbz") ? "--output-zip" : "--output-dir",
  at(output),
];
const PLAIN = (output: string): Step[] => [[COLORIZE(output), 0]];
const WITH_PREVIEW = (output: string): Step[] => [
  [[...COLORIZE(output), "--preview"], 3],
  [["reject", at(output), "--set", "seed=1"], 3],
  [["approve", at(output)], 0],
];
const WITH_REDO = (output: string): Step[] => [
  [COLORIZE(output), 0],
  [["redo", at(output), "p2.png", "--seed", "5"], 0],
];

interface Told {
  readonly type: string;
  readonly page?: string;
  readonly kept?: boolean;
  readonly code?: string;
}

const withFlags = (args: readonly string[]): string[] => [
  ...args,
  "--model",
  at("model"),
  "--threads",
  "1",
  "--json",
  ...(args[0] === "colorize" ? ["--steps", "1"] : []),
];
const told = (lines: readonly string[]): Told[] => lines.map((line) => JSON.parse(line) as Told);

describe("a run killed at any moment", () => {
  it.each([
    ["a folder", "out", PLAIN],
    ["an archive", "out.cbz", PLAIN],
    ["a folder, with a preview rejected and approved", "shown", WITH_PREVIEW],
    ["an archive, of which a page is done anew", "redone.cbz", WITH_REDO],
  ])(
    "continues where it was, into %s: nothing twice, nothing lost",
    async (_what, name, steps) => {
      const random = randomNumbers(SEED);
      const undisturbed: number[] = [];
      for (const [args, code] of steps(`plain-${name}`)) {
        const result = await runToPoint(withFlags(args));
        expect(result, result.stderr).toMatchObject({ killed: false, code });
        undisturbed.push(result.lines.length);
      }
      const expected = await contents(at(`plain-${name}`));
      expect(Object.keys(expected)).toHaveLength(7);

      const history: string[] = [];
      rounds: for (let kills = 0, round = 0; kills < KILLS / 4; round++) {
        const output = `${round}-${name}`;
        const finished = new Set<string>();
        const begun = new Map<string, number>();
        for (const [number, [args, code]] of steps(output).entries()) {
          for (;;) {
            const point = {
              lines: Math.floor(random() * (undisturbed[number]! + 1)),
              delayMs: Math.floor(random() * 40),
            };
            const last = kills >= KILLS / 4;
            const result = await runToPoint(withFlags(args), last ? undefined : point);
            const where = `seed ${SEED}: ${history.join(", ")}`;
            history.push(`${args[0]} ${last ? "to the end" : `${point.lines} lines + ${point.delayMs} ms`}`);
            const events = told(result.lines);
            for (const { page, kept } of events.filter(({ type }) => type === "page-completed")) {
              if (steps === PLAIN && finished.has(page!)) expect(kept, `${page} ${where}`).toBe(true);
              finished.add(page!);
            }
            if (result.killed) {
              kills++;
              for (const page of new Set(
                events.flatMap((event) => (event.type === "page-started" ? [event.page!] : [])),
              ))
                begun.set(page, (begun.get(page) ?? 0) + 1);
              continue;
            }
            // A page that was in hand at two deaths cannot be told from one that caused them: it is set aside, and
            // `retry` does it.
            const failed = events.filter(({ type }) => type === "page-failed");
            for (const failure of failed) {
              expect(failure.code, where).toBe("ERR_PAGE_CRASHED");
              expect(begun.get(failure.page!), `${failure.page} ${where}`).toBeGreaterThanOrEqual(2);
            }
            if (code !== 0 && failed.length > 0) {
              // No preview without its page: the round ends here, and another begins.
              await rm(at(output), { recursive: true, force: true });
              continue rounds;
            }
            expect(result.code, `${where}; ${result.lines.at(-1)} ${result.stderr}`).toBe(
              code === 0 && failed.length > 0 ? 2 : code,
            );
            if (code === 0 && failed.length > 0)
              expect(await runToPoint(withFlags(["retry", at(output), "--failed"]))).toMatchObject({ code: 0 });
            break;
          }
        }
        expect(await contents(at(output)), `seed ${SEED}: ${history.join(", ")}`).toEqual(expected);
        expect(
          (await readdir(root)).filter((entry) => entry.startsWith(".cobra-") || entry.startsWith(String(round))),
        ).toEqual([output]);
        await rm(at(output), { recursive: true });
      }
    },
    Math.max(600_000, KILLS * 20_000),
  );
});
