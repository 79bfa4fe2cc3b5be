/**
 * The interface between jobs and what colours their pages: the engine of this process, or the workers of a farm. It is
 * all that jobs know of either.
 */
import type { BatchEngine } from "../../../core/batch-engine.js";

/** A job that is about to run. */
export interface JobToColour {
  readonly id: string;
  readonly name: string;
  /** Number of its pages. */
  readonly pages: number;
  /** Higher goes first; −1 for one in the background. */
  readonly priority: () => number;
  /** Pages with an outcome so far. */
  readonly progress: () => { readonly done: number; readonly failed: number };
  /** It was cancelled where its pages wait. */
  readonly onCancelled: () => void;
}

/** Colours the pages of one job. */
export interface JobEngine {
  readonly engine: BatchEngine;
  /** Pages wait for their turn elsewhere, so one is in progress only from its first stage on. Default false. */
  readonly queuesPages?: boolean;
  /** Pages on their way at once. Default: as the engine's memory allows. */
  readonly pagesInFlight?: () => number;
  /** Leaves the pages that wait elsewhere; those in progress are finished. Default: none wait. */
  withdraw?(): void;
  /** The job's priority has changed. */
  prioritize?(): void;
  /** The run has ended. */
  end?(): void;
}

/** A job that runs. */
export interface RunningJob {
  readonly pagesLeft: number;
  readonly priority: number;
}

/** Colours the pages of jobs. */
export interface JobColorizer {
  /** Whether jobs can have priorities. */
  readonly hasPriorities: boolean;
  /** Whether another job may begin beside those that run. */
  takesAnother(running: readonly RunningJob[], priority: number): boolean;
  /** Told when there may be room for another job, beside when one ends. Default: never. */
  onRoom?(listener: () => void): void;
  /** Begins with a job. Rejects as opening an engine does. */
  begin(job: JobToColour): Promise<JobEngine>;
}

/** One engine, one job at a time: pages overlap inside a job. @param engine opens it, or gives the one that is open */
export function oneEngine(engine: () => Promise<BatchEngine>): JobColorizer {
  return {
    hasPriorities: false,
    takesAnother: (running) => running.length === 0,
    begin: async () => ({ engine: await engine() }),
  };
}
