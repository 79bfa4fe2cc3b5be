// What a batch does with pages that were in progress when a process ended: alone, with the least memory, or not at
// all. The journals are those of real batches, taken while pages were in progress; a stand-in colours the pages.
import { appendFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfig } from "../../../../src/config/batch-config.js";
import type { BatchSummary } from "../../../../src/core/events.js";
import type { ExitCause } from "../../../../src/core/journal/crash-evidence.js";
import type { PageInHand } from "../../../../src/core/journal/entries.js";
import { journalLine, readJournal } from "../../../../src/core/journal/journal.js";
import { RunHistory } from "../../../../src/core/journal/history.js";
import { runBatch } from "../../../../src/core/run-batch.js";
import { colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { onPaper, paperEngine } from "../../../support/paper-engine.js";

let root: string;
let outputs = 0;
const at = (name: string): string => join(root, name);
const PAGES = ["p1.png", "p2.png", "p3.png", "p4.png"];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-alone-"));
  const page = await linePage(1);
  await writeFolder(at("in"), Object.fromEntries(PAGES.map((name) => [name, page])));
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const configOf = (output: string): BatchConfig =>
  parseBatchConfig({ inputDir: at("in"), outputDir: output, referenceImages: [at("refs")] }).config;

/** An output as a process leaves it that ends while these pages are in progress. */
async function outputInHand(pages: readonly string[]): Promise<string> {
  const [running, left] = [at(`running-${outputs}`), at(`left-${outputs++}`)];
  let begun = 0;
  let allInHand!: () => void;
  const copied = new Promise<void>((resolve) => (allInHand = resolve)).then(() =>
    cp(running, left, { recursive: true }),
  );
  const engine = paperEngine(async (request) => {
    if (++begun === pages.length) allInHand();
    await copied;
    return onPaper(request);
  }, pages.length);
  await runBatch(engine, configOf(running), { images: pages });
  await rm(join(left, ".cobra-batch/lease"));
  return left;
}

/** Notes the end of a process. */
async function die(output: string, cause: ExitCause, pages: readonly string[], count = 1): Promise<void> {
  const path = join(output, ".cobra-batch/journal.ndjson");
  const { inHand } = new RunHistory((await readJournal(path))!.entries);
  const named = inHand.filter(({ page }) => pages.includes(page)) as PageInHand[];
  expect(named.map(({ page }) => page).toSorted()).toEqual(pages);
  const line = journalLine({ type: "died", cause, alone: pages.length === 1, pages: named });
  await appendFile(path, line.repeat(count));
}

interface Seen {
  readonly summary: BatchSummary;
  /** Pages in colouring at the same time as this one, itself included. */
  readonly beside: Record<string, number>;
  /** Pages before which caches were dropped. */
  readonly clearedFor: string[];
}

async function run(output: string): Promise<Seen> {
  const beside: Record<string, number> = {};
  const clearedFor: string[] = [];
  let cleared = false;
  const engine = paperEngine(async (request) => {
    if (cleared) clearedFor.push(request.name);
    cleared = false;
    // The last two pages, which are never alone here, wait for each other, however slow the machine is.
    const turns = (): number => (engine.mostInColouring < 2 && /p[34]/.test(request.name) ? 2000 : 20);
    for (let turn = 0; turn < turns(); turn++) {
      beside[request.name] = Math.max(beside[request.name] ?? 0, engine.inColouring);
      await sleep(2);
    }
    return onPaper(request);
  }, 3);
  engine.memory.clearCache = () => (cleared = true);
  return { summary: await runBatch(engine, configOf(output)), beside, clearedFor };
}

describe("pages that were in progress when a process ended", () => {
  it("are coloured one by one after a crash, and the others beside one another", async () => {
    const output = await outputInHand(["p1.png", "p2.png"]);
    await die(output, "crash", ["p1.png", "p2.png"]);
    const { summary, beside, clearedFor } = await run(output);
    expect(summary).toMatchObject({ completed: 4, failed: 0 });
    expect([beside["p1.png"], beside["p2.png"]]).toEqual([1, 1]);
    expect(Math.max(beside["p3.png"]!, beside["p4.png"]!)).toBe(2);
    expect(clearedFor).toEqual([]);
  });

  it("are quarantined after the second crash, and stay so; a neighbour is not", async () => {
    const output = await outputInHand(["p1.png"]);
    await die(output, "crash", ["p1.png"], 2);
    for (let time = 0; time < 2; time++)
      expect((await run(output)).summary).toMatchObject({
        completed: 3,
        failures: [
          {
            page: "p1.png",
            code: "ERR_PAGE_CRASHED",
            message: expect.stringContaining("the process crashed twice") as string,
          },
        ],
      });
  });

  it("are coloured alone and with the least memory after an out-of-memory kill, and fail after two more", async () => {
    const output = await outputInHand(["p1.png"]);
    await cp(output, `${output}-twice`, { recursive: true });
    await die(output, "out-of-memory", ["p1.png"]);
    const once = await run(output);
    expect(once).toMatchObject({ summary: { completed: 4, failed: 0 }, clearedFor: ["p1.png"] });
    expect(once.beside["p1.png"]).toBe(1);
    await die(`${output}-twice`, "out-of-memory", ["p1.png"], 3);
    for (let time = 0; time < 2; time++)
      expect((await run(`${output}-twice`)).summary).toMatchObject({
        completed: 3,
        failures: [{ page: "p1.png", code: "ERR_OUT_OF_MEMORY" }],
      });
  });

  it("are coloured as usual after kills", async () => {
    const output = await outputInHand(["p1.png", "p2.png"]);
    await die(output, "unknown", ["p1.png", "p2.png"], 2);
    const { summary, beside } = await run(output);
    expect(summary).toMatchObject({ completed: 4, failed: 0 });
    expect(Math.max(...Object.values(beside))).toBeGreaterThan(1);
  });
});
