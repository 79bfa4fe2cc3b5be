// The question about a preview at a terminal: what is asked, which answers are taken, and that leaving decides nothing.
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import type { PreviewDecision } from "../../../../src/core/preview/preview.js";
import type { PreviewResult } from "../../../../src/core/events.js";
import { askAboutPreview, canAsk } from "../../../../src/ui/cli/output/preview-prompt.js";

const success = {
  page: "p1.png",
  output: "out/p1_colorized.png",
  width: 1,
  height: 1,
  bucket: "",
  seed: 0,
  elapsedMs: 0,
  stageMs: {},
  references: [],
};
const preview: PreviewResult = {
  pages: [success],
  failures: [],
  settings: { style: "line", seed: 0, numInferenceSteps: 2, topK: 3, ink: "page" },
};
const grid: PreviewResult = {
  ...preview,
  pages: [],
  seeds: { sheet: "out/sheet.png", pictures: [0, 1].map((seed) => ({ page: "p1.png", seed, output: `${seed}.png` })) },
};

/** Types one answer at each question. */
async function ask(
  answers: readonly string[],
  shown: PreviewResult = preview,
  signal = new AbortController().signal,
): Promise<{ decision: PreviewDecision | undefined; text: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let text = "";
  const left = [...answers];
  output.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (!/[?:] $/.test(chunk.toString())) return;
    const answer = left.shift();
    setImmediate(() => (answer === undefined ? input.end() : input.write(`${answer}\n`)));
  });
  return { decision: await askAboutPreview(shown, signal, { streams: { input, output } }), text };
}

describe("the question about a preview", () => {
  it("says where the picture is and takes approve, reject and quit", async () => {
    const { decision, text } = await ask(["a"]);
    expect([decision, text]).toEqual([
      { type: "approve" },
      expect.stringMatching(/out\/p1_colorized\.png[^]*\[a\]pprove[^]*\[r\]eject[^]*\[q\]uit/),
    ]);
    expect((await ask(["Approve"])).decision).toEqual({ type: "approve" });
    expect((await ask(["q"])).decision).toBeUndefined();
    expect((await ask(["r", "seed=7 steps=20"])).decision).toEqual({
      type: "reject",
      settings: { seed: 7, numInferenceSteps: 20 },
    });
    expect((await ask(["r", "style=line + shadow topK=1"])).decision).toEqual({
      type: "reject",
      settings: { style: "line + shadow", topK: 1 },
    });
    expect((await ask(["r", ""])).decision).toEqual({ type: "reject", settings: {} }); // the next seed
  });

  it("asks again after what it cannot take, and says why", async () => {
    const { decision, text } = await ask(["what?", "r", "sead=1", "r", "seed=x", "a"]);
    expect(decision).toEqual({ type: "approve" });
    expect(text).toMatch(/please answer a, r or q[^]*write seed in place of sead[^]*seed: must be a whole number/);
  });

  it("of a grid needs one of its seeds", async () => {
    const { decision, text } = await ask(["a", "7", "1"], grid);
    expect([decision, text]).toEqual([
      { type: "approve", seed: 1 },
      expect.stringMatching(/out\/sheet\.png[^]*one of the seeds 0, 1/),
    ]);
    expect((await ask(["a 0"], grid)).decision).toEqual({ type: "approve", seed: 0 });
  });

  it("decides nothing at the end of the input and at a signal", async () => {
    expect((await ask([])).decision).toBeUndefined();
    const controller = new AbortController();
    const streams = { input: new PassThrough(), output: new PassThrough() };
    streams.output.once("data", () => setImmediate(() => controller.abort()));
    expect(await askAboutPreview(preview, controller.signal, { streams })).toBeUndefined();
  });

  it("is asked at a terminal only, and not where a machine listens", () => {
    const terminal = {
      input: Object.assign(new PassThrough(), { isTTY: true }),
      output: Object.assign(new PassThrough(), { isTTY: true }),
    };
    expect([
      canAsk({}, terminal),
      canAsk({ json: true }, terminal),
      canAsk({ quiet: true }, terminal),
      canAsk({}, { ...terminal, input: new PassThrough() }),
    ]).toEqual([true, false, false, false]);
  });
});
