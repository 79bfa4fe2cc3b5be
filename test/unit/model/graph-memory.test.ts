// Shapes and memory that are computed from a graph, against what ONNX Runtime really makes of it.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InferenceSession, Tensor, type Dtype } from "../../../src/binding/index.js";
import { PageMemory } from "../../../src/colorization/page-memory.js";
import { decodeModelProto } from "../../../src/onnx/schema.js";
import { defaultModelDirectory } from "../../../src/model/default-model.js";
import { peakActivationBytes } from "../../../src/model/graph-memory.js";
import { graphShapes } from "../../../src/model/graph-shapes.js";
import { buildPresetPackage } from "../../../src/convert/presets.js";
import type { ModelPackage } from "../../../src/model/package.js";
import type { GraphName } from "../../../src/model/graph-names.js";
import { openModelPackage } from "../../../src/model/package.js";
import { networkInputs } from "../../../src/model/network-inputs.js";

const GRAPHS: readonly GraphName[] = [
  "line_extractor",
  "image_encoder",
  "vae_encoder",
  "reference_encoder",
  "denoiser",
  "vae_decoder",
  "guided_upsampler",
];
let folder: string;
const models: Record<string, ModelPackage> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-graph-memory-"));
  models["tiny"] = await buildPresetPackage({ directory: join(folder, "tiny"), preset: "tiny" });
  models["embedded"] = await openModelPackage(defaultModelDirectory());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function zeros(dtype: Dtype, dims: readonly number[]): Tensor {
  const elements = dims.reduce((product, dim) => product * dim, 1);
  return dtype === "int64"
    ? Tensor.from("int64", new BigInt64Array(elements), dims)
    : Tensor.from("float32", new Float32Array(elements), dims);
}

/** Runs a graph once: dims of its outputs, and the most its arena handed out. */
async function real(
  model: ModelPackage,
  graph: GraphName,
  inputs: Readonly<Record<string, readonly number[]>>,
): Promise<{ dims: Record<string, readonly number[]>; peakBytes: number }> {
  using session = await InferenceSession.create(model.graphPath(graph, model.styles[0]), { intraOpThreads: 1 });
  const dtypes = new Map(session.inputs.map(({ name, dtype }) => [name, dtype]));
  const [width, height] = model.manifest.buckets[0]!;
  const resolution = Tensor.from("float32", Float32Array.of(height, 2 * width), [1, 2]); // of the model's own sizes
  const loadedBytes = session.allocatorStats().inUseBytes;
  const outputs = await session.run(
    Object.fromEntries(
      Object.entries(inputs).map(([name, dims]) => [
        name,
        name === "resolution" ? resolution : zeros(dtypes.get(name)!, dims),
      ]),
    ),
  );
  const dims = Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.dims]));
  for (const tensor of Object.values(outputs)) tensor.dispose();
  return { dims, peakBytes: session.allocatorStats().maxInUseBytes - loadedBytes };
}

describe.each(["tiny", "embedded"])("the %s model", (name) => {
  it.each(GRAPHS)("%s: shapes as ONNX Runtime's, memory within a factor of three", async (graph) => {
    const model = models[name]!;
    const [width, height] = name === "tiny" ? [96, 128] : [384, 864];
    if (graph === "guided_upsampler" && model.manifest.upsampler === null) return;
    const inputs = networkInputs(model.manifest, { width, height }, 2)[graph];
    const proto = decodeModelProto(readFileSync(model.graphPath(graph, model.styles[0])));
    const shapes = graphShapes(proto, inputs);
    const { dims, peakBytes } = await real(model, graph, inputs);
    for (const [output, expected] of Object.entries(dims))
      expect([output, shapes.get(output)?.dims]).toEqual([output, expected]);
    const estimate = peakActivationBytes(proto, inputs);
    // Below a mebibyte nothing is decided by it.
    expect(estimate).toBeGreaterThan(peakBytes / 3 - 2 ** 20);
    expect(estimate).toBeLessThan(peakBytes * 3 + 2 ** 20);
  });
});

describe("PageMemory", () => {
  it("grows with the page, its bucket and its references, and refuses sizes that cannot be", () => {
    const needs = new PageMemory(models["embedded"]!);
    expect(needs.pageBytes([2000, 3000], 3)).toBeGreaterThan(needs.pageBytes([1000, 1500], 3));
    expect(needs.pageBytes([400, 400], 20)).toBeGreaterThan(needs.pageBytes([400, 400], 3));
    expect(needs.sharedBytes([400, 400], 20)).toBeGreaterThan(needs.sharedBytes([400, 400], 3));
    expect(needs.sharedBytes("largest", 1)).toBeGreaterThan(needs.sharedBytes([300, 1000], 1) * 0.9);
    expect(() => needs.pageBytes([0, 10], 3)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
  });
});
