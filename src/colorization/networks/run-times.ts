/** Measures how long networks wait and run, for `Engine.stats()`, the log and subscribers. */
import { getLogger, logContext } from "../../logging.js";
import type { GraphName } from "../../model/graph-names.js";
import { CHANNELS } from "../../observe/channels.js";
import { Histogram, type HistogramSnapshot } from "../../observe/histogram.js";

const log = getLogger("networks");

/** Runs of one network that have ended. */
export interface NetworkRuns {
  readonly runs: number;
  /** Sum of the times they took, without their waiting for each other; milliseconds. */
  readonly ms: number;
  /** How long they waited for runs before them. */
  readonly wait: HistogramSnapshot;
  /** How long they ran. */
  readonly run: HistogramSnapshot;
}

/**
 * Runs by network. A device runs one network at a time: a run begins when it is called for, or when the one before it
 * ends.
 */
export type RunTimes = Partial<Record<GraphName, NetworkRuns>>;

/** A run that has ended. */
interface EndedRun {
  readonly model: string;
  readonly graph: GraphName;
  readonly style: string;
  readonly provider: string;
  /** When the run was called for, by `performance.now()`. */
  readonly startedMs: number;
  /** The code or the name of the error that it failed with. */
  readonly error?: string | undefined;
}

/** Counts runs by network. */
export class RunTable {
  readonly #times = new Map<GraphName, { wait: Histogram; run: Histogram }>();

  record(graph: GraphName, waitMs: number, runMs: number): void {
    let times = this.#times.get(graph);
    if (times === undefined) this.#times.set(graph, (times = { wait: new Histogram(), run: new Histogram() }));
    times.wait.record(waitMs);
    times.run.record(runMs);
  }

  /** Run times since the start. */
  snapshot(): RunTimes {
    return Object.fromEntries(
      [...this.#times].map(([graph, times]) => {
        const run = times.run.snapshot();
        return [graph, { runs: run.count, ms: run.sumMs, wait: times.wait.snapshot(), run }];
      }),
    );
  }
}

/** Times the runs of one device. */
export class RunClock {
  readonly #device: string;
  readonly #all: RunTable;
  readonly #own = new RunTable();
  #lastEndMs = 0;

  /**
   * @param device what logs and channels call it
   * @param all counts the runs of several devices together
   */
  constructor(device = "cpu", all = new RunTable()) {
    this.#device = device;
    this.#all = all;
  }

  /** Counts a run that ends now. */
  record({ model, graph, style, provider, startedMs, error }: EndedRun): void {
    const endedMs = performance.now();
    const waitMs = Math.max(0, this.#lastEndMs - startedMs);
    const runMs = endedMs - startedMs - waitMs;
    this.#lastEndMs = endedMs;
    this.#own.record(graph, waitMs, runMs);
    this.#all.record(graph, waitMs, runMs);
    const device = this.#device;
    const failure = error === undefined ? {} : { error };
    log.debug({ graph, device, ms: Math.round(runMs * 10) / 10, ...failure }, "network run");
    if (CHANNELS.networkRun.isWatched)
      CHANNELS.networkRun.publish({
        model,
        graph,
        style,
        provider,
        device,
        waitMs,
        runMs,
        ...failure,
        ...logContext(),
      });
  }

  /** Run times since the start. */
  snapshot(): RunTimes {
    return this.#own.snapshot();
  }
}
