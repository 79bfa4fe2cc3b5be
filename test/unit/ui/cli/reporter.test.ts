/**
 * What a person and a machine are told of a batch: the progress line, lines where output is piped, the summary,
 * colours.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { BatchEventBody, BatchSummary, PageFailure } from "../../../../src/core/events.js";
import { Reporter, type ReporterOptions } from "../../../../src/ui/cli/output/reporter.js";
import { textWidth } from "../../../../src/ui/cli/output/terminal-text.js";

const started: BatchEventBody = {
  type: "batch-started",
  pages: 3,
  references: ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"],
  model: "m 1",
  modelTrained: true,
  provider: "cpu",
};
const progress = (
  completed: number,
  failed = 0,
): { total: number; completed: number; failed: number; unfinished: number } => ({
  total: 3,
  completed,
  failed,
  unfinished: 3 - completed - failed,
});
const done = (index: number, kept = false): BatchEventBody => ({
  type: "page-completed",
  index,
  page: `p${index}.png`,
  output: `out/p${index}_colorized.png`,
  width: 1,
  height: 1,
  bucket: "1x1",
  seed: 0,
  elapsedMs: 2000,
  stageMs: {},
  references: [],
  progress: progress(index + 1),
  ...(kept ? { kept } : {}),
});
const failure: PageFailure = {
  page: "p2.png",
  stage: "decode",
  code: "ERR_IMAGE_DECODE",
  message: "p2.png is cut off",
  remedy: "save it again",
};
const summary: BatchSummary = { ...progress(2, 1), output: "my out", elapsedMs: 8000, failures: [failure] };

function reporter(options: Partial<ReporterOptions> & { tty?: boolean; columns?: number } = {}): {
  reporter: Reporter;
  out: () => string;
  err: () => string;
} {
  const said = { out: "", err: "" };
  const stream = (name: "out" | "err"): { write(text: string): void; isTTY?: boolean; columns?: number } => ({
    write: (text) => void (said[name] += text),
    ...(options.tty ? { isTTY: true } : {}),
    ...(options.columns ? { columns: options.columns } : {}),
  });
  return {
    reporter: new Reporter({
      json: false,
      quiet: false,
      program: "npx cobra-batch",
      env: {},
      now: () => 0,
      out: stream("out"),
      err: stream("err"),
      ...options,
    }),
    out: () => said.out,
    err: () => said.err,
  };
}

/** What a terminal shows in the end, and every state of its last line before. */
function screen(text: string): { lines: string[]; states: string[] } {
  const states = text
    .split("\n")
    .flatMap((line) => line.split("\r\u001b[2K"))
    .filter((line) => line !== "");
  return { lines: text.split("\n").map((line) => line.split("\r\u001b[2K").at(-1)!), states };
}

afterEach(() => vi.useRealTimers());

describe("piped", () => {
  it("says a line a page and sums up; the result alone goes to standard output", () => {
    const { reporter: told, out, err } = reporter();
    told.failuresFile = "my out/failures.json";
    for (const event of [
      started,
      done(0, true),
      done(1),
      { type: "page-failed", index: 2, progress: progress(2, 1), ...failure } as BatchEventBody,
      { type: "batch-completed", ...summary } as BatchEventBody,
    ])
      told.onEvent(event);
    expect(err()).toBe(
      [
        "colouring 3 pages with 6 references (a.jpg, b.jpg, c.jpg, d.jpg and 2 more), model m 1 on cpu",
        "[1/3] p0.png -> out/p0_colorized.png (finished earlier)",
        "[2/3] p1.png -> out/p1_colorized.png (2.0 s)",
        "failed: p2.png: p2.png is cut off [ERR_IMAGE_DECODE]",
        "2 of 3 pages coloured, 1 failed in 8.0 s",
        "  pages     1 coloured, 1 finished earlier, 1 failed",
        "  time      8.0 s, 8.0 s per page",
        "  result    my out",
        "  failures  my out/failures.json",
        "  remedy    save it again",
        "  next      then run: npx cobra-batch retry 'my out' --failed",
        "",
      ].join("\n"),
    );
    expect(out()).toBe("my out\n");
  });

  it("with --quiet says failures and the result alone", () => {
    const { reporter: told, out, err } = reporter({ quiet: true, tty: true, env: { NO_COLOR: "1" } });
    for (const event of [
      started,
      done(0),
      { type: "page-failed", index: 2, progress: progress(2, 1), ...failure } as BatchEventBody,
      { type: "warning", message: "w" } as BatchEventBody,
      { type: "batch-completed", ...summary } as BatchEventBody,
    ])
      told.onEvent(event);
    expect(err()).toBe("failed: p2.png: p2.png is cut off [ERR_IMAGE_DECODE]\n");
    expect(out()).toBe("my out\n");
  });

  it("with --json says one object a line, with the schema's number, and nothing on standard error", () => {
    const { reporter: told, out, err } = reporter({ json: true, tty: true });
    const time = "2026-01-02T03:04:05.678Z";
    told.onEvent({ type: "warning", time, job: "j", message: "x" });
    expect([out(), err()]).toEqual([`{"schema":1,"type":"warning","time":"${time}","job":"j","message":"x"}\n`, ""]);
  });

  it("does not let a page's name steer the terminal", () => {
    const { reporter: told, err } = reporter();
    told.onEvent({
      type: "page-failed",
      index: 0,
      progress: progress(0, 1),
      ...failure,
      page: "\u001b[2Jp.png",
      message: "a\nb",
    });
    expect(err()).toBe("failed: \\u001b[2Jp.png: a b [ERR_IMAGE_DECODE]\n");
  });
});

describe("what runs next", () => {
  const preview = { pages: [], failures: [], settings: {} } as unknown as NonNullable<BatchSummary["preview"]>;
  const stopped = { type: "batch-stopped" as const, ...summary, failures: [], failed: 0 };

  it("is a command that runs as it stands, with a setting that changes something", () => {
    const { reporter: told, err } = reporter();
    told.offers = () => ["fill=model"];
    told.onEvent({ ...stopped, output: "it's\u001b[2J", preview });
    expect(err()).toBe(
      [
        "a preview waits for approval",
        String.raw`  approve   npx cobra-batch approve $'it\'s\u001b[2J'`,
        String.raw`  reject    npx cobra-batch reject $'it\'s\u001b[2J' --set fill=model`,
        "",
      ].join("\n"),
    );
  });

  it("offers what the page that was coloured last does not have", () => {
    const { reporter: told, err } = reporter();
    told.offers = (pages = []) => [`ink=${pages.map(({ ink }) => ink).join()}`];
    const settings = { style: "line" as const, seed: 0, numInferenceSteps: 1, topK: 3 };
    told.onEvent({ type: "page-started", index: 0, page: "p2.png", settings: { ...settings, ink: "page" } });
    told.onEvent({ type: "page-started", index: 1, page: "p1.png", settings: { ...settings, ink: "model" } });
    told.onEvent(done(1));
    told.onEvent(done(2, true));
    told.onEvent({ type: "batch-completed", ...summary, failures: [], failed: 0, completed: 2, total: 2 });
    expect(err()).toMatch(/redo 'my out' p1.png --set ink=model\n$/);
  });

  it("names a seed where a preview has several", () => {
    const { reporter: told, err } = reporter();
    const pictures = [4, 5].map((seed) => ({ page: "p", seed, output: `p${seed}.png` }));
    told.onEvent({ ...stopped, preview: { ...preview, seeds: { sheet: "sheet.png", pictures } } });
    expect(err()).toMatch(/ approve {3}npx cobra-batch approve 'my out' --seed 4\n {2}seeds {5}4, 5\n/);
  });
});

describe("on a terminal", () => {
  it("shows one line that never leaves the width, whatever the page is called, and takes it away at the end", () => {
    const { reporter: told, out, err } = reporter({ tty: true, columns: 40, env: { NO_COLOR: "1" } });
    told.onEvent(started);
    told.onEvent({ type: "page-started", index: 0, page: `${"頁".repeat(60)}.png` });
    told.onEvent({
      type: "page-stage",
      index: 0,
      page: `${"頁".repeat(60)}.png`,
      stage: "denoise",
      step: 3,
      steps: 10,
    });
    const { states } = screen(err());
    expect(states.at(-1)).toMatch(/^0\/3 pages \| denoise 3\/10: 頁+…$/);
    for (const state of states.slice(1)) expect(textWidth(state)).toBeLessThan(40);
    told.onEvent(done(0));
    told.onEvent({ type: "batch-completed", ...summary, failures: [], failed: 0, completed: 3 });
    const { lines } = screen(err());
    expect(lines.filter((line) => line.includes("|"))).toEqual([]);
    expect(lines).toEqual(
      expect.arrayContaining([
        "3 of 3 pages coloured in 8.0 s",
        "  next      to colour a page again: npx cobra-batch redo 'my out' p0.png --set ink=model",
      ]),
    );
    expect(out()).toBe("");
  });

  it("guesses what is left for the batch and for the page in progress, and counts down while nothing happens", () => {
    vi.useFakeTimers();
    let now = 0;
    const { reporter: told, err } = reporter({ tty: true, columns: 100, now: () => now });
    told.onEvent(started);
    told.onEvent({ type: "page-started", index: 0, page: "p0.png" });
    told.onEvent({ type: "page-stage", index: 0, page: "p0.png", stage: "denoise", step: 1, steps: 5 });
    now = 2000;
    told.onEvent({ type: "page-stage", index: 0, page: "p0.png", stage: "denoise", step: 2, steps: 5 });
    expect(screen(err()).states.at(-1)).toBe("0/3 pages | denoise 2/5, 8 s: p0.png");
    now = 3000;
    vi.advanceTimersByTime(1000);
    expect(screen(err()).states.at(-1)).toBe("0/3 pages | denoise 2/5, 7 s: p0.png");
    now = 10_000;
    told.onEvent({ ...done(0), stageMs: { denoise: 10_000 } } as BatchEventBody);
    expect(screen(err()).states.at(-1)).toBe("1/3 pages, about 20 s left");
    told.stop();
    const before = err();
    vi.advanceTimersByTime(5000);
    expect(err()).toBe(before);
  });

  it("says how far the copying of a large file is, once it takes 2 s; a pipe is told nothing", () => {
    const copying = (copiedBytes: number): BatchEventBody => ({
      type: "file-copying",
      file: "extras/\u001bfilm.mp4",
      copiedBytes,
      sizeBytes: 3e9,
    });
    for (const tty of [true, false]) {
      let now = 0;
      const { reporter: told, err } = reporter({ tty, now: () => now });
      told.onEvent(started);
      told.onEvent(copying(1e8));
      expect(err()).not.toContain("copying");
      now = 2000;
      told.onEvent(copying(1.5e9));
      told.stop();
      if (tty) expect(err()).toContain("copying 1.5 GB of 3.0 GB: extras/\\u001bfilm.mp4");
      else expect(err()).not.toContain("copying");
    }
  });

  it("shows no line where log lines would break into it, nor on a dumb terminal", () => {
    for (const options of [{ logs: true }, { env: { TERM: "dumb" } }]) {
      const { reporter: told, err } = reporter({ tty: true, ...options });
      told.onEvent(started);
      told.onEvent(done(0));
      expect(err()).not.toContain("\r");
      expect(err()).toContain("[1/3] p0.png");
    }
  });

  it("colours what matters, unless NO_COLOR is set; FORCE_COLOR colours a pipe too", () => {
    const failed: BatchEventBody = { type: "page-failed", index: 2, progress: progress(2, 1), ...failure };
    for (const [options, coloured] of [
      [{ tty: true }, true],
      [{ tty: true, env: { NO_COLOR: "1" } }, false],
      [{}, false],
      [{ env: { FORCE_COLOR: "1" } }, true],
    ] as const) {
      const { reporter: told, err } = reporter(options);
      told.onEvent(failed);
      expect(err().includes("\u001b[31mfailed:\u001b[39m")).toBe(coloured);
    }
  });
});
