// The tests of `kill -9` of a process that writes an output: no page is quarantined, nothing is lost, nothing is there
// twice. The journal, the lease and the rules about crashes are the real ones, pages are plain files, so it is quick.
// Each kill comes right before an operation on the disk.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { randomNumbers } from "./crash.js";
import { killRounds, type Round } from "./kill-rounds.js";

const WRITER = fileURLToPath(new URL("killed-output.mjs", import.meta.url));
const PAGES = 4;

/** Runs the writer; with `killAt` it kills itself before that operation on the disk. It ends with the test. */
function write(
  target: string,
  signal: AbortSignal,
  killAt = Infinity,
): Promise<{ killed: boolean; lines: string[]; operations: number; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRITER, target, String(PAGES), String(killAt)], {
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (_code, signal) => {
      const lines = stdout.split("\n").slice(0, -1);
      const operations = Number(/^operations (\d+)$/.exec(lines.at(-1) ?? "")?.[1] ?? 0);
      if (operations > 0) lines.pop();
      resolve({ killed: signal === "SIGKILL", lines, operations, stderr });
    });
  });
}

const NAMES = ["out", "out.cbz"] as const;
/** Of a round; then the writer runs to its end. */
const MAX_KILLS = 8;

async function play(root: string, seed: number, operations: number, signal: AbortSignal): Promise<Round> {
  const random = randomNumbers(seed);
  const name = NAMES[seed % 2]!;
  const folder = await mkdtemp(join(root, `seed-${seed}-`));
  const target = join(folder, name);
  const done = new Set<string>();
  const pages = new Set<string>();
  const [kills, aside, faults]: [string[], string[], string[]] = [[], [], []];
  for (let killed = true; killed;) {
    const killAt = 1 + Math.floor(random() * operations);
    const result = await write(target, signal, kills.length < MAX_KILLS ? killAt : Infinity);
    ({ killed } = result);
    if (killed) kills.push(`before operation ${killAt}`);
    for (const line of result.lines) {
      if (line.startsWith("aside")) aside.push(line.slice(6));
      if (line.startsWith("done") && done.has(line.slice(5))) faults.push(`${line.slice(5)} was done twice`);
      if (line.startsWith("done")) done.add(line.slice(5));
      if (/^(?:done|kept)/.test(line)) pages.add(line.slice(5));
    }
    if (!killed && result.lines.at(-1) !== "written")
      faults.push(`the writer ended after "${result.lines.at(-1)}": ${result.stderr}`);
  }
  if (pages.size !== PAGES) faults.push(`pages there are: ${[...pages].join(", ")}`);
  const there = (await readdir(folder, { recursive: true })).filter((path) => !path.includes(".cobra-batch/"));
  const wanted = name === "out" ? FOLDER_HOLDS : [name];
  if (there.toSorted().join() !== wanted.join()) faults.push(`there are ${there.join(", ")}`);
  await rm(folder, { recursive: true });
  return { what: `a writer of ${name}`, kills, aside, faults };
}

const FOLDER_HOLDS = [
  "out",
  "out/.cobra-batch",
  ...Array.from({ length: PAGES }, (_, page) => `out/${page}_colorized.png`),
  "out/processing_metadata.json",
];

/** Kills writers of a folder and of an archive so often together, at operations drawn from the seed. */
export function testKilledOutput(kills: number, seed: number): void {
  it(
    "an output whose writer is killed has every page once, and none is quarantined",
    async ({ signal }) => {
      const root = await mkdtemp(join(tmpdir(), "cobra-killed-"));
      try {
        const { operations } = await write(join(root, "whole"), signal);
        expect(operations).toBeGreaterThan(PAGES * 4);
        await killRounds({ kills, rounds: 2, atOnce: 2, seed }, (own) => play(root, own, operations, signal));
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    },
    Math.max(600_000, kills * 20_000),
  );
}
