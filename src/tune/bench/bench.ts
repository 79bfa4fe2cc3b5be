/** Scenarios against their floors, in turns in one process: how many times its floor each is, with an interval. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TaskPool } from "../../colorization/tasks/pool.js";
import type { BatchConfigInput } from "../../config/batch-config.js";
import { outputError } from "../../io/files/file-errors.js";
import { drawnPages, ownPages } from "../measure/pages.js";
import { median, pairedEstimate, type Estimate } from "../statistics/bootstrap.js";
import { Random } from "../statistics/random.js";
import { openScenario, type Round, type ScenarioName } from "./scenarios.js";
import { FLOORS } from "./scenario-names.js";

/** How scenarios are measured. */
export interface BenchOptions {
  readonly scenarios: readonly ScenarioName[];
  /** Pages to work on. Default: drawn ones. */
  readonly settings?: BatchConfigInput | undefined;
  /** Model of the scenario "run". Default: as for a batch. */
  readonly model?: string | undefined;
  /** Pairs that are measured. */
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** One scenario's figures. */
export interface BenchResult {
  readonly scenario: ScenarioName;
  /** What it is held against. */
  readonly floor: string;
  /** Pages of a round. */
  readonly pages: number;
  /** Pages a second; medians. */
  readonly pagesPerSecond: number;
  readonly floorPagesPerSecond: number;
  /** Times the floor: 1 is as fast, above 1 is faster. */
  readonly ratio: Estimate;
}

/** The size of the sample chapter's pages. */
const DRAWN = { width: 832, height: 1184 } as const;
const DRAWN_PAGES = 8;
const SEED = 23;

/** Measures scenarios one after the other. */
export async function* bench(options: BenchOptions): AsyncGenerator<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), "cobra-bench-")).catch((cause: unknown) => {
    throw outputError(tmpdir(), cause);
  });
  const pool = new TaskPool();
  try {
    const pages =
      options.settings === undefined
        ? await drawnPages(DRAWN, folder, DRAWN_PAGES)
        : await ownPages(options.settings, folder);
    const random = new Random(SEED);
    for (const scenario of options.scenarios) {
      const open = await openScenario(scenario, { pages, pool, folder, model: options.model, signal: options.signal });
      try {
        yield { scenario, floor: FLOORS[scenario], ...(await inTurns(open.round, options, random)) };
      } finally {
        await open.close();
      }
    }
  } finally {
    await pool.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function inTurns(
  round: Round,
  { rounds, signal }: BenchOptions,
  random: Random,
): Promise<Omit<BenchResult, "scenario" | "floor">> {
  const [ours, floors]: [number[], number[]] = [[], []];
  await round(false); // warm-up
  let pages = 0;
  for (let count = 0; count < rounds; count++) {
    signal.throwIfAborted();
    const measured = await round(random.next() < 0.5);
    pages = measured.pages;
    ours.push(measured.ms);
    floors.push(measured.floorMs);
  }
  const rate = (times: readonly number[]): number => (1000 * pages) / median(times);
  return {
    pages,
    pagesPerSecond: rate(ours),
    floorPagesPerSecond: rate(floors),
    ratio: pairedEstimate(ours.map((ms, index) => Math.log(floors[index]! / ms))),
  };
}
