// The tests of `kill -9` of a process that writes an output: no page is set aside, nothing is lost, nothing is there
// twice. The journal, the lease and the rules about crashes are the real ones, pages are plain files, so it is quick.
// Each kill comes right before an operation on the disk.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomNumbers } from "./crash.js";

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

/** Kills a folder's writer and an archive's so often together, at the operations that the seed gives. */
export function testKilledOutput(allKills: number, seed: number): void {
  let root: string;
  beforeAll(async () => (root = await mkdtemp(join(tmpdir(), "cobra-killed-"))));
  afterAll(() => rm(root, { recursive: true, force: true }));

  describe.each(["out", "out.cbz"])("an output whose writer is killed (%s)", (name) => {
    it(
      "has every page once, and none is set aside",
      async ({ signal }) => {
        const random = randomNumbers(seed);
        const { operations } = await write(join(root, `whole-${name}`), signal);
        expect(operations).toBeGreaterThan(PAGES * 4);
        await rm(join(root, `whole-${name}`), { recursive: true });
        for (let kills = 0; kills < allKills / 2;) {
          const target = join(root, name);
          const done = new Set<string>();
          const history: string[] = [];
          for (let killed = true; killed;) {
            const last = kills >= allKills / 2;
            const killAt = 1 + Math.floor(random() * operations);
            history.push(last ? "to the end" : `before operation ${killAt}`);
            const result = last ? await write(target, signal) : await write(target, signal, killAt);
            const where = `seed ${seed}: ${history.join(", ")}; ${result.lines.join(", ")} ${result.stderr}`;
            expect(
              result.lines.filter((line) => line.startsWith("aside")),
              where,
            ).toEqual([]);
            for (const page of done) if (!result.killed) expect(result.lines, where).toContain(`kept ${page}`);
            for (const line of result.lines) if (line.startsWith("done")) done.add(line.slice(5));
            ({ killed } = result);
            if (killed) kills++;
            else expect(result.lines.at(-1), where).toBe("written");
          }
          expect(await readdir(root)).toEqual([name]);
          if (name === "out")
            expect((await readdir(target)).toSorted()).toEqual([
              ".cobra-batch",
              ...Array.from({ length: PAGES }, (_, page) => `${page}_colorized.png`),
              "processing_metadata.json",
            ]);
          await rm(target, { recursive: true });
        }
      },
      Math.max(600_000, allKills * 20_000),
    );
  });
}
