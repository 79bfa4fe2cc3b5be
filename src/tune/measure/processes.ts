/**
 * The measured processes: one for each engine that settings ask for, so that threads, arenas and memory are a setting's
 * own. As many stay open as memory allows; one that is opened again warms up again.
 */
import { join } from "node:path";
import type { BatchConfigInput } from "../../config/batch-config.js";
import { batchSettingsOf, engineSettingsOf, settingId, type BaseEngine, type Setting } from "../setting.js";
import { MeasuredProcess } from "./measured-process.js";
import type { MeasuredPages } from "./pages.js";
import { rateOf } from "../score.js";
import type { Sample, Span } from "./sample.js";

/** Pages of a warm-up run. */
const WARM_PAGES = 2;
/** A warm-up run that is not so much faster than the one before it is steady. */
const STEADY = 1.1;
const MOST_WARM_UPS = 4;

/** How settings are measured. */
export interface ProcessesOptions {
  readonly base: BaseEngine;
  readonly pages: MeasuredPages;
  /** For outputs; each is removed when it was measured. */
  readonly folder: string;
  /** Settings of the batch that no knob changes. */
  readonly settings: BatchConfigInput;
  readonly signal: AbortSignal;
}

interface Open {
  readonly process: MeasuredProcess;
  /** Rate of the last warm-up run. */
  readonly warmRate: number;
}

/** Close it with `close`. */
export class Processes {
  readonly #options: ProcessesOptions;
  /** In the order of their use, the last one last. */
  readonly #open = new Map<string, Open>();
  readonly #hashed = new Set<string>();
  readonly #spans = new Map<string, readonly Span[]>();
  /** Most processes that stay open. */
  mostOpen = 1;
  /** Whether warm-up goes on until it is steady, or is one run. */
  warmsUpFully = true;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  /** Opens a setting's process, and warms it up. */
  async open(setting: Setting): Promise<Open> {
    const { base, signal } = this.#options;
    const engine = engineSettingsOf(setting, base);
    // Pages in flight decide what memory a process takes, and it keeps what it took.
    const key = JSON.stringify([engine, setting.maxConcurrent]);
    let open = this.#open.get(key);
    if (open === undefined) {
      while (this.#open.size >= this.mostOpen) await this.#closeOldest();
      const process = await MeasuredProcess.open(engine, signal);
      try {
        open = { process, warmRate: await this.#warmUp(process, setting) };
      } catch (error) {
        await process.close();
        throw error;
      }
    }
    this.#open.delete(key);
    this.#open.set(key, open);
    return open;
  }

  async #closeOldest(): Promise<void> {
    const [key, { process }] = this.#open.entries().next().value!;
    this.#open.delete(key);
    await process.close();
  }

  /** Runs until a run is no faster than the one before; gives the last one's rate. */
  async #warmUp(process: MeasuredProcess, setting: Setting): Promise<number> {
    let last = 0;
    for (let count = 0; count < (this.warmsUpFully ? MOST_WARM_UPS : 1); count++) {
      const rate = rateOf((await this.#run(process, setting, WARM_PAGES)).sample);
      const isSteady = last > 0 && rate < STEADY * last;
      last = rate;
      if (isSteady) break;
    }
    return last;
  }

  /** Measures a setting once. */
  async measure(setting: Setting, pages: number): Promise<Sample> {
    const { process } = await this.open(setting);
    const key = settingId(setting);
    const { sample, spans } = await this.#run(process, setting, pages, !this.#hashed.has(key));
    this.#hashed.add(key);
    this.#spans.set(key, spans);
    return sample;
  }

  /** The timeline of a setting's last measurement. */
  spansOf(setting: Setting): readonly Span[] {
    return this.#spans.get(settingId(setting)) ?? [];
  }

  async #run(
    process: MeasuredProcess,
    setting: Setting,
    pages: number,
    withPictures = false,
  ): Promise<{ sample: Sample; spans: readonly Span[] }> {
    const { pages: measured, folder, settings } = this.#options;
    const storage = setting.storage ?? measured.storage;
    const input = await measured.input(pages, storage);
    return process.run({
      settings: { ...settings, ...batchSettingsOf(setting), ...input },
      output: join(folder, "output"),
      storage,
      withPictures,
    });
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    while (this.#open.size > 0) await this.#closeOldest();
  }
}
