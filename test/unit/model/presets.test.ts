/** Packages of presets: when one is kept, built anew or left alone, and what its networks and sizes are. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildLineExtractor } from "../../../src/convert/graphs/line-extractor.js";
import { ensurePresetPackage, grayPassthrough, PRESETS } from "../../../src/convert/presets.js";
import { openModelPackage } from "../../../src/model/package.js";
import { Weights } from "../../../src/onnx/weights.js";
import { runGraph } from "../../support/run-graph.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "cobra-presets-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("presets", () => {
  it("are kept while they are intact and built anew when they are not", async () => {
    const directory = join(root, "kept");
    const processes = await Promise.all([1, 2].map(() => ensurePresetPackage({ directory, preset: "tiny" })));
    expect(new Set(processes.map((one) => one.hash)).size).toBe(1);
    const written = statSync(join(directory, "manifest.json")).mtimeMs;
    await ensurePresetPackage({ directory, preset: "tiny" });
    expect(statSync(join(directory, "manifest.json")).mtimeMs).toBe(written);
    truncateSync(join(directory, "denoiser.onnx"), 10);
    expect((await ensurePresetPackage({ directory, preset: "tiny" })).hash).toBe(processes[0]!.hash);
    await openModelPackage(directory);
    expect((await ensurePresetPackage({ directory, preset: "tiny", seed: 5 })).manifest.version).toMatch(/-seed\.5$/u);
    // What somebody has put beside the package stays, or the package does.
    writeFileSync(join(directory, "mine.txt"), "mine");
    await ensurePresetPackage({ directory, preset: "tiny", seed: 6 });
    expect(readFileSync(join(directory, "mine.txt"), "utf8")).toBe("mine");
    writeFileSync(join(directory, "mine.png"), "mine");
    await expect(ensurePresetPackage({ directory, preset: "tiny", seed: 7 })).rejects.toMatchObject({
      code: "ERR_OUTPUT_EXISTS",
      message: expect.stringContaining("mine.png is no file of the package"),
    });
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(["denoiser.onnx", "mine.png", "mine.txt"]));
    const foreign = join(directory, "..", "foreign");
    mkdirSync(foreign);
    writeFileSync(join(foreign, "manifest.json"), JSON.stringify({ name: "mine", trained: true }));
    await expect(ensurePresetPackage({ directory: foreign, preset: "tiny" })).rejects.toMatchObject({
      code: "ERR_OUTPUT_EXISTS",
    });
    expect(readdirSync(foreign)).toEqual(["manifest.json"]);
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("have a line network that gives the gray page", async () => {
    const config = PRESETS.demo.lineExtractor;
    const data = Float32Array.from({ length: 32 * 48 }, (_, at) => (at * 37) % 256);
    const outputs = await runGraph(buildLineExtractor(config, new Weights(grayPassthrough(config, 1), "line")), {
      gray: { dims: [1, 1, 32, 48], data },
    });
    const largest = outputs["line"]!.data.reduce((most, value, at) => Math.max(most, Math.abs(value - data[at]!)), 0);
    expect(largest).toBeLessThan(1e-3);
  });

  it("name buckets that their networks can take", () => {
    for (const { buckets } of Object.values(PRESETS)) {
      expect(buckets.flat().every((edge) => edge % 32 === 0)).toBe(true);
      expect(new Set(buckets.map((bucket) => bucket.join("x"))).size).toBe(buckets.length);
    }
    expect(PRESETS.full.buckets).toHaveLength(15);
  });
});
