/** A journal that came with a file may name any folder: it is read only where the run has read it before. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseBatchConfig } from "../../../src/config/batch-config.js";
import { redoRun, rejectRun, retryRun } from "../../../src/core/continue-run.js";
import { journalLine } from "../../../src/core/journal/journal.js";
import type { JournalEntry } from "../../../src/core/journal/entries.js";
import { sha256 } from "../../../src/platform/sha256.js";
import { linePage } from "../../support/chapter.js";

let root: string;
let page: Buffer;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-known-"));
  page = await linePage(1);
  for (const folder of ["private", "named"]) {
    await mkdir(at(folder));
    await writeFile(at(`${folder}/001.png`), page);
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** An output folder with a journal that names the private folder, and a failed page of the given hash. */
async function download(name: string, inputSha256: string): Promise<string> {
  const work = at(`${name}/.cobra-batch`);
  await mkdir(work, { recursive: true });
  const { config } = parseBatchConfig({ inputDir: at("private"), outputDir: at(name) });
  const failure = { page: "001.png", stage: "decode", code: "ERR_RUN", message: "m", remedy: "r" } as const;
  const entries: JournalEntry[] = [
    {
      type: "run",
      job: "j",
      at: new Date(0).toISOString(),
      record: { config, pageConfigs: {}, model: { directory: "", name: "m", hash: "h" }, session: {} },
    },
    { type: "failed", page: "001.png", fingerprint: "f", inputSha256, failure },
    { type: "preview", state: "waiting", result: { pages: [], failures: [] } as never },
  ];
  await writeFile(join(work, "journal.ndjson"), entries.map(journalLine).join(""));
  return at(name);
}

it.each([
  ["retry", (output: string) => retryRun(output, { failedOnly: true })],
  ["redo", (output: string) => redoRun(output, ["001.png"])],
])("%s refuses an input whose pages the journal does not know, and takes one that is named", async (name, run) => {
  const output = await download(`foreign-${name}`, "0".repeat(64));
  await expect(run(output)).rejects.toMatchObject({
    code: "ERR_CONFIG",
    message: expect.stringMatching(/private, but none of its pages .* --set inputDir=/) as string,
  });
  const changes = { batch: { inputDir: at("named") } };
  const named = name === "retry" ? await retryRun(output, { changes }) : await redoRun(output, ["001.png"], changes);
  expect(named?.config.inputDir).toBe(at("named"));
});

it("a journal without any hash is not believed either", async () => {
  await expect(rejectRun(await download("bare", ""))).rejects.toMatchObject({ code: "ERR_CONFIG" });
});

it("an input that the run has read is used without being named", async () => {
  const output = await download("own", await sha256(page));
  expect((await retryRun(output, { failedOnly: true }))?.config.inputDir).toBe(at("private"));
});
