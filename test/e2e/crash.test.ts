// `kill -9` at random moments, then the same command again: the outputs are those of an undisturbed run. COBRA_KILLS says how often.
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPageSource } from "../../src/io/page-source.js";
import { buildPresetPackage } from "../../src/model/index.js";
import { writeChapter } from "../support/chapter.js";
import { randomNumbers, runToPoint } from "../support/crash.js";

const KILLS = Number(process.env["COBRA_KILLS"] ?? 10);
const SEED = Number(process.env["COBRA_KILL_SEED"] ?? Date.now() % 1e6);

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-crash-"));
  await writeChapter(at("chapter.cbz"), 4);
  await buildPresetPackage({ directory: at("model"), preset: "tiny" });
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** All files of an output by name: hashes, for the metadata the pages and failures it tells of. */
async function contents(output: string): Promise<Record<string, string>> {
  const digest = (name: string, bytes: Uint8Array): string => {
    if (name !== "processing_metadata.json") return createHash("sha256").update(bytes).digest("hex");
    const { pages, failures } = JSON.parse(Buffer.from(bytes).toString()) as { pages: { page: string; width: number; seed: number; references: string[] }[]; failures: unknown[] };
    return JSON.stringify([pages.map(({ page, width, seed, references }) => [page, width, seed, references]), failures]);
  };
  if ((await stat(output)).isDirectory()) {
    const names = (await readdir(output, { recursive: true })).filter((name) => !name.startsWith(".cobra-batch")).toSorted();
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, digest(name, await readFile(join(output, name)))])));
  }
  const source = await openPageSource(output);
  try {
    return Object.fromEntries(await Promise.all(source.entries().map(async (entry) => [entry.name, digest(entry.name, await entry.read())])));
  } finally {
    await source.close();
  }
}

describe("a run killed at any moment", () => {
  it.each([
    ["a folder", "--output-dir", "out"],
    ["an archive", "--output-zip", "out.cbz"],
  ])(
    "continues where it was, into %s: nothing twice, nothing lost",
    async (_what, flag, name) => {
      const random = randomNumbers(SEED);
      const command = (output: string): string[] => ["colorize", at("chapter.cbz"), flag, at(output), "--model", at("model"), "--steps", "2", "--json"];
      const undisturbed = await runToPoint(command(`plain-${name}`));
      expect(undisturbed).toMatchObject({ killed: false, code: 0 });
      const expected = await contents(at(`plain-${name}`));
      expect(Object.keys(expected)).toHaveLength(8);

      const history: string[] = [];
      for (let kills = 0, round = 0; kills < KILLS / 2; round++) {
        const output = `${round}-${name}`;
        const told = new Set<string>();
        for (;;) {
          const point = { lines: Math.floor(random() * (undisturbed.lines.length + 1)), delayMs: Math.floor(random() * 40) };
          const last = kills >= KILLS / 2;
          const result = await runToPoint(command(output), last ? undefined : point);
          history.push(last ? "to the end" : `${point.lines} lines + ${point.delayMs} ms`);
          for (const line of result.lines) {
            const event = JSON.parse(line) as { type: string; page?: string; kept?: boolean };
            if (event.type !== "page-completed") continue;
            if (told.has(event.page!)) expect(event.kept, `seed ${SEED}: ${event.page} after ${history.join(", ")}`).toBe(true);
            told.add(event.page!);
          }
          if (!result.killed) {
            expect(result, `seed ${SEED}: ${history.join(", ")}; ${result.lines.at(-1)}`).toMatchObject({ code: 0, stderr: "" });
            break;
          }
          kills++;
        }
        expect(await contents(at(output)), `seed ${SEED}: ${history.join(", ")}`).toEqual(expected);
        expect((await readdir(root)).filter((entry) => entry.startsWith(".cobra-") || entry.startsWith(String(round)))).toEqual([output]);
        await rm(at(output), { recursive: true });
      }
    },
    Math.max(300_000, KILLS * 20_000),
  );
});
