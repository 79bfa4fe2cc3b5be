// Which pages are denoised together, with a runner that only writes down what it is given.
import { describe, expect, it } from "vitest";
import { Batcher, type BatchedPage, type BatcherOptions } from "../../../src/colorization/denoising/batcher.js";
import { InferenceError, ResourceError } from "../../../src/errors.js";
import { logContext, withLogContext } from "../../../src/logging.js";

interface Page extends BatchedPage {
  readonly name: string;
}

const page = (name: string, steps: number, more: Partial<Page> = {}): Page => ({ name, group: "a", steps, ...more });

/** A batcher whose runs end when the test says so, and the names of each run's pages. */
function stepped(options: Partial<BatcherOptions> = {}) {
  const runs: string[][] = [];
  const signals: AbortSignal[] = [];
  let settle: ((error?: unknown) => void) | undefined;
  const batcher = new Batcher<Page>(
    async (pages, { steps, changes, signal, onStep }) => {
      for (let done = 0; done < steps && !changes.aborted; done++) {
        runs.push(pages.map(({ name }) => name));
        signals.push(signal);
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
          settle = (error) => (error === undefined ? resolve() : reject(error as Error));
        });
        onStep(done + 1);
      }
    },
    { maxBatch: () => 3, companyMs: 0, expectsCompany: () => false, segments: 1, ...options },
  );
  // A test looks at some of the rejections only after others.
  const denoise = batcher.denoise.bind(batcher);
  batcher.denoise = (one) => {
    const done = denoise(one);
    done.catch(() => undefined);
    return done;
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const end = async (error?: unknown): Promise<void> => {
    settle!(error);
    await turn();
  };
  return { batcher, runs, signals, turn, end };
}

describe("Batcher", () => {
  it("runs a page with its own ids, and several with those of all", async () => {
    const seen: unknown[] = [];
    const batcher = new Batcher<Page>(
      async (pages, { steps, onStep }) => {
        const { page: one, pages: several } = logContext();
        seen.push([pages.map(({ name }) => name), one, several]);
        onStep(steps);
      },
      { maxBatch: () => 2, companyMs: 0, expectsCompany: () => false, segments: 1 },
    );
    const denoise = (name: string): Promise<void> =>
      withLogContext({ job: "j", page: `${name}.png` }, () => batcher.denoise(page(name, 1)));
    await Promise.all(["x", "y", "z"].map(denoise));
    expect(seen).toEqual([
      [["x", "y"], undefined, ["x.png", "y.png"]],
      [["z"], "z.png", undefined],
    ]);
  });

  it("lets a page join while others are under way, and leave when it is done", async () => {
    const { batcher, runs, turn, end } = stepped();
    const done: string[] = [];
    const denoise = (one: Page): void => void batcher.denoise(one).then(() => done.push(one.name));
    denoise(page("1", 3));
    await turn();
    denoise(page("2", 1));
    await end();
    denoise(page("3", 1));
    await end();
    expect(done).toEqual(["2"]);
    await end();
    expect(runs).toEqual([["1"], ["1", "2"], ["1", "3"]]);
    expect(done).toEqual(["2", "1", "3"]);
  });

  it("tells each step, also of a device that took more of them before it heard of a change", async () => {
    const told: number[] = [];
    const batcher = new Batcher<Page>(
      async (pages, { steps, changes, onStep }) => {
        if (pages.some(({ name }) => name === "1") && told.length === 1) {
          void batcher.denoise(page("2", 1));
          await new Promise((resolve) => setImmediate(resolve));
          expect(changes.aborted).toBe(true);
        }
        for (let done = 1; done <= steps; done++) onStep(done);
      },
      { maxBatch: () => 3, companyMs: 0, expectsCompany: () => false, segments: 1 },
    );
    await batcher.denoise(page("1", 4, { onStep: (step) => told.push(step) }));
    expect(told).toEqual([1, 2, 3, 4]);
  });

  it("takes no more pages than fit, the oldest first, and groups do not mix", async () => {
    const { batcher, runs, turn, end } = stepped({ maxBatch: () => 2 });
    for (const one of [page("1", 1), page("2", 1, { group: "b" }), page("3", 1), page("4", 1)])
      void batcher.denoise(one);
    await turn();
    for (let run = 0; run < 3; run++) await end();
    expect(runs).toEqual([["1", "3"], ["2"], ["4"]]);
  });

  it("halves the run when memory runs out, and does the same step again", async () => {
    const { batcher, runs, turn, end } = stepped({ maxBatch: () => 4 });
    const steps: string[] = [];
    const told = (name: string): Page => page(name, 1, { onStep: (step) => steps.push(`${name} ${step}`) });
    const first = batcher.denoise(told("0"));
    await turn();
    const rest = ["1", "2", "3", "4"].map((name) => batcher.denoise(told(name)));
    await end();
    await first;
    await end(new ResourceError("ERR_OUT_OF_MEMORY", "full"));
    await end();
    await end();
    await Promise.all(rest);
    expect(runs).toEqual([["0"], ["1", "2", "3", "4"], ["1", "2"], ["3", "4"]]);
    expect(steps).toEqual(["0 1", "1 1", "2 1", "3 1", "4 1"]);
  });

  it("fails the page alone that memory does not hold alone", async () => {
    const { batcher, turn, end } = stepped();
    const failed = batcher.denoise(page("1", 1));
    await turn();
    await end(new ResourceError("ERR_OUT_OF_MEMORY", "full"));
    await expect(failed).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
  });

  it("tries pages alone that failed together, so that one bad page costs no other", async () => {
    const { batcher, runs, turn, end } = stepped();
    const first = batcher.denoise(page("0", 1));
    await turn();
    const [good, bad] = [batcher.denoise(page("1", 1)), batcher.denoise(page("2", 1))];
    await end();
    await first;
    await end(new InferenceError("ERR_MODEL_OUTPUT", "not finite"));
    await end();
    await good;
    await end(new InferenceError("ERR_MODEL_OUTPUT", "not finite"));
    await expect(bad).rejects.toMatchObject({ code: "ERR_MODEL_OUTPUT" });
    expect(runs).toEqual([["0"], ["1", "2"], ["1"], ["2"]]);
  });

  it("fails all pages of a device that is lost", async () => {
    const { batcher, turn, end } = stepped();
    const first = batcher.denoise(page("0", 1));
    await turn();
    const rest = ["1", "2"].map((name) => batcher.denoise(page(name, 1)));
    await end();
    await first;
    await end(new InferenceError("ERR_DEVICE_LOST", "lost"));
    for (const one of rest) await expect(one).rejects.toMatchObject({ code: "ERR_DEVICE_LOST" });
  });

  it("gives up one page at once, and the run only when all its pages are given up", async () => {
    const { batcher, runs, signals, turn, end } = stepped();
    const stops = [new AbortController(), new AbortController(), new AbortController()];
    const first = batcher.denoise(page("0", 1, { signal: stops[0]!.signal }));
    await turn();
    const rest = [1, 2].map((index) => batcher.denoise(page(String(index), 2, { signal: stops[index]!.signal })));
    await end();
    await first;
    stops[1]!.abort(new Error("not wanted"));
    await expect(rest[0]).rejects.toThrow("not wanted");
    expect(signals[1]!.aborted).toBe(false);
    await end();
    expect(runs.at(-1)).toEqual(["2"]);
    stops[2]!.abort(new Error("neither"));
    await expect(rest[1]).rejects.toThrow("neither");
    expect(signals[2]!.aborted).toBe(true);
  });

  it("waits for company as long as it is told and some may come, and no longer", async () => {
    let expects = true;
    const { batcher, runs } = stepped({ companyMs: 60_000, expectsCompany: () => expects, maxBatch: () => 2 });
    void batcher.denoise(page("1", 1)).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toEqual([]);
    void batcher.denoise(page("2", 1)).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toEqual([["1", "2"]]);
    expects = false;
    const alone = stepped({ companyMs: 60_000, expectsCompany: () => expects, maxBatch: () => 2 });
    void alone.batcher.denoise(page("3", 1)).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(alone.runs).toEqual([["3"]]);
    const short = stepped({ companyMs: 1, expectsCompany: () => true, maxBatch: () => 2 });
    void short.batcher.denoise(page("4", 1)).catch(() => undefined);
    await expect.poll(() => short.runs).toEqual([["4"]]);
  });

  it("keeps a second segment at hand for the device, of another group or of pages that there was no room for", async () => {
    const { batcher, runs, turn } = stepped({ segments: 2, maxBatch: () => 1 });
    for (const one of [page("1", 2), page("2", 2), page("3", 2, { group: "b" })]) void batcher.denoise(one);
    await turn();
    expect(runs).toEqual([["1"], ["2"]]);
    const mixed = stepped({ segments: 2, maxBatch: () => 4 });
    for (const one of [page("1", 2), page("2", 2), page("3", 2, { group: "b" })]) void mixed.batcher.denoise(one);
    await mixed.turn();
    expect(mixed.runs).toEqual([["1", "2"], ["3"]]);
  });
});
