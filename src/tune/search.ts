/**
 * The search for the best setting within a time: every knob is moved once from the defaults, what looked best is
 * measured again and put together, and the winner is held against the defaults in pairs. Knows nothing of processes:
 * who calls it measures.
 */
import { keepsLimits } from "./limits.js";
import type { Sample } from "./measure/sample.js";
import { scoreOf } from "./score.js";
import { settingId, type KnobName, type Setting } from "./setting.js";
import { oneKnobSettings, withKnob, type Knob } from "./space.js";
import { median } from "./statistics/bootstrap.js";
import { PairedComparison, type Comparison } from "./statistics/paired.js";
import { Random } from "./statistics/random.js";
import type { Goal, Limits } from "./wishes.js";

/** A setting and what was measured of it. */
export interface MeasuredSetting {
  readonly setting: Setting;
  readonly samples: Sample[];
  /** Why it could not be measured. */
  fault?: string;
}

/** What the search needs and keeps. */
export interface SearchOptions {
  readonly knobs: readonly Knob[];
  readonly goal: Goal;
  readonly limits: Limits;
  readonly seed: number;
  /** Measures a setting once. Rejects with a fault of this setting, or the signal's reason. */
  readonly measure: (setting: Setting) => Promise<Sample>;
  /** Share of the time that is used, 0 to 1. */
  readonly usedShare: () => number;
  /** Stops the search; what was measured stays. */
  readonly signal: AbortSignal;
  /** Told after each measurement, in which phase it was. */
  readonly onSample?: (measured: MeasuredSetting, phase: Phase) => void;
}

/** "sweep": knobs one by one; "combine": those that helped together; "confirm": the winner against the defaults. */
export type Phase = "sweep" | "combine" | "confirm";

/** What was found. */
export interface SearchResult {
  readonly measured: readonly MeasuredSetting[];
  /** The setting to use; undefined where none keeps the limits. */
  readonly best: Setting | undefined;
  /** The winner of the search against the defaults; undefined where nothing else was measured or time was short. */
  readonly comparison: (Comparison & { readonly setting: Setting }) | undefined;
  /** Settings that there was no time for. */
  readonly left: readonly Setting[];
}

/** Shares of the time at which the phases end. */
const SWEEP_ENDS = 0.5;
const COMBINE_ENDS = 0.62;
/** The defaults are measured again after so many other settings. */
const DEFAULTS_EVERY = 4;
/** A value that is at least so much better than the defaults is put together with others. */
const WORTHWHILE = 1.005;
/** Rounds of the sweep: the first measures all, each next one the better half. */
const MOST_ROUNDS = 4;

/** Searches until the time is used or nothing is left to be found. */
export class Search {
  readonly #options: SearchOptions;
  readonly #random: Random;
  readonly #measured = new Map<string, MeasuredSetting>();
  #sinceDefaults = 0;

  /** @param earlier what an earlier search of the same machine, model and pages has measured */
  constructor(options: SearchOptions, earlier: readonly MeasuredSetting[] = []) {
    this.#options = options;
    this.#random = new Random(options.seed + earlier.length);
    for (const one of earlier) this.#measured.set(settingId(one.setting), { ...one, samples: [...one.samples] });
  }

  /** All settings so far, in the order of their first measurement. */
  get measured(): readonly MeasuredSetting[] {
    return [...this.#measured.values()];
  }

  /** What was measured of the defaults. */
  get defaults(): readonly Sample[] {
    return this.#measured.get("defaults")?.samples ?? [];
  }

  /** Rejects only with what is no fault of a setting. */
  async run(): Promise<SearchResult> {
    let comparison: SearchResult["comparison"];
    const all = oneKnobSettings(this.#options.knobs);
    if (await this.#measure({}, "sweep")) {
      await this.#sweep(all);
      await this.#combine();
      comparison = await this.#confirm();
    }
    const left = all.filter((setting) => !this.#measured.has(settingId(setting)));
    return { measured: [...this.#measured.values()], best: this.#best(comparison), comparison, left };
  }

  #mayGoOn(until: number): boolean {
    return !this.#options.signal.aborted && this.#options.usedShare() < until;
  }

  /** Measures once more. @returns false for a setting that has a fault, and when the search was stopped */
  async #measure(setting: Setting, phase: Phase): Promise<Sample | undefined> {
    const id = settingId(setting);
    const measured = this.#measured.get(id) ?? { setting, samples: [] };
    if (measured.fault !== undefined) return undefined;
    try {
      const sample = await this.#options.measure(setting);
      measured.samples.push(sample);
      this.#measured.set(id, measured);
      this.#options.onSample?.(measured, phase);
      return sample;
    } catch (error) {
      if (this.#options.signal.aborted) return undefined;
      if (id === "defaults") throw error;
      measured.fault = error instanceof Error ? error.message : String(error);
      this.#measured.set(id, measured);
      this.#options.onSample?.(measured, phase);
      return undefined;
    }
  }

  /** A setting of the sweep; in between the defaults again, which all are held against. */
  async #measureInTurn(setting: Setting, phase: Phase): Promise<void> {
    if (this.#sinceDefaults++ % DEFAULTS_EVERY === DEFAULTS_EVERY - 1) await this.#measure({}, phase);
    await this.#measure(setting, phase);
  }

  async #sweep(all: readonly Setting[]): Promise<void> {
    let round = all;
    for (let count = 0; count < MOST_ROUNDS && round.length > 0; count++) {
      for (const setting of this.#random.shuffled(round)) {
        if (!this.#mayGoOn(SWEEP_ENDS)) return;
        const { samples = [] } = this.#measured.get(settingId(setting)) ?? {};
        if (samples.length <= count) await this.#measureInTurn(setting, "sweep");
      }
      const ranked = this.#ranked(round);
      round = ranked.slice(0, Math.ceil(ranked.length / 2));
    }
  }

  /** How many times the defaults a setting is by its medians; 0 for one that was not measured. */
  #gain(setting: Setting): number {
    const { goal } = this.#options;
    const scores = (one: Setting): number[] =>
      this.#measured.get(settingId(one))?.samples.map((sample) => scoreOf(sample, goal)) ?? [];
    const [own, defaults] = [scores(setting), scores({})];
    return own.length === 0 || defaults.length === 0 ? 0 : median(own) / median(defaults);
  }

  #ranked(settings: readonly Setting[]): Setting[] {
    const measured = settings.filter((setting) => this.#gain(setting) > 0);
    return measured.sort((a, b) => this.#gain(b) - this.#gain(a));
  }

  /** Adds what helped most to what helped most already, as long as it gets better; then values next to the best. */
  async #combine(): Promise<void> {
    const singles = oneKnobSettings(this.#options.knobs);
    const helpful = this.#ranked(singles).filter((one) => this.#gain(one) >= WORTHWHILE);
    let best: Setting = helpful[0] ?? {};
    for (const add of helpful.slice(1)) {
      if (!this.#mayGoOn(COMBINE_ENDS)) return;
      const [name] = Object.keys(add) as [KnobName];
      if (best[name] !== undefined) continue;
      const both: Setting = { ...best, ...add };
      await this.#measureInTurn(both, "combine");
      if (this.#gain(both) > this.#gain(best)) best = both;
    }
    for (const neighbour of this.#random.shuffled(this.#neighbours(best))) {
      if (!this.#mayGoOn(COMBINE_ENDS)) return;
      if (!this.#measured.has(settingId(neighbour))) await this.#measureInTurn(neighbour, "combine");
    }
  }

  /** Settings that differ from one by the next value of one knob. */
  #neighbours(setting: Setting): Setting[] {
    return this.#options.knobs.flatMap(({ name, values }) => {
      const place = values.indexOf(setting[name] as never);
      const near = place < 0 ? values : [values[place - 1], values[place + 1]];
      return near.filter((value) => value !== undefined).map((value) => withKnob(setting, name, value));
    });
  }

  /** Settings that keep the limits, the best first. */
  #candidates(): Setting[] {
    const { limits } = this.#options;
    const fit = [...this.#measured.values()].filter(
      ({ samples }) => samples.length > 0 && keepsLimits(samples, limits),
    );
    return this.#ranked(fit.map(({ setting }) => setting));
  }

  /** The winner against the defaults, in fresh pairs, so that its luck in the search does not count. */
  async #confirm(): Promise<SearchResult["comparison"]> {
    const { goal } = this.#options;
    const winner = this.#candidates().find((setting) => settingId(setting) !== "defaults");
    if (winner === undefined || this.#gain(winner) <= 1) return undefined;
    const comparison = new PairedComparison();
    while (!comparison.isDecided && this.#mayGoOn(1)) {
      const scores = new Map<Setting, number>();
      for (const one of this.#random.shuffled([winner, {}])) {
        const sample = await this.#measure(one, "confirm");
        if (sample !== undefined) scores.set(one, scoreOf(sample, goal));
      }
      const [own, peer] = [scores.get(winner), [...scores].find(([one]) => one !== winner)?.[1]];
      if (own === undefined || peer === undefined) break;
      comparison.add(own, peer);
    }
    const result = comparison.end();
    return result && { ...result, setting: winner };
  }

  /** The winner where it is better beyond the noise, or where the defaults keep no limit; else the defaults. */
  #best(comparison: SearchResult["comparison"]): Setting | undefined {
    const candidates = this.#candidates();
    if (comparison?.verdict === "better" && candidates.some((one) => settingId(one) === settingId(comparison.setting)))
      return comparison.setting;
    return candidates.find((one) => settingId(one) === "defaults") ?? candidates[0];
  }
}
