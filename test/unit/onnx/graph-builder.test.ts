/** The graph writer: what it writes, what it refuses, weight files. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GraphBuilder, Value, type Graph } from "../../../src/onnx/graph-builder.js";
import { MAX_INLINE_BYTES, modelBytes, WeightFile, writeModel } from "../../../src/onnx/model-file.js";
import { decodeModelProto } from "../../../src/onnx/schema.js";
import { linear } from "../../../src/onnx/ops.js";
import { floatTensor, fromFloat16, toFloat16 } from "../../../src/onnx/tensor-data.js";
import { seededWeights } from "../../../src/convert/weights/sources.js";
import { Weights } from "../../../src/onnx/weights.js";
import { loadGraph, runGraph } from "../../support/run-graph.js";

function graphError(text: string): object {
  return expect.objectContaining({
    code: "ERR_MODEL_GRAPH",
    message: expect.stringContaining(text) as string,
  }) as object;
}

/** y = linear(x), 64 → 32: 8 KB of weights. */
function linearGraph(name: string, seed = 1): Graph {
  const g = new GraphBuilder(name);
  g.output(
    "y",
    linear(g, g.input("x", "float32", ["N", 64]), new Weights(seededWeights(seed), `layer${seed}`), 64, 32),
    "float32",
    ["N", 32],
  );
  return g.build();
}

const input = { x: { dims: [2, 64], data: Float32Array.from({ length: 128 }, (_, at) => Math.sin(at)) } };

describe("GraphBuilder", () => {
  it("writes nodes, attributes, constants and symbolic shapes", () => {
    const g = new GraphBuilder("example");
    const x = g.input("x", "float32", ["N", 3]);
    const sum = g.scoped("inner").node("Add", [x, g.floats([1, 2, 3])]);
    const again = g.node("Add", [sum, g.floats([1, 2, 3])]);
    g.output("y", g.node("LeakyRelu", [again], { alpha: { float: 0.25 } }), "float32", ["N", 3]);
    const model = decodeModelProto(modelBytes(g.build()));
    expect(model.irVersion).toBe(9);
    expect(model.opsetImport).toEqual([{ version: 20 }, { domain: "com.microsoft", version: 1 }]);
    expect(model.graph.node.map((node) => node.opType)).toEqual(["Add", "Add", "LeakyRelu", "Identity"]);
    expect(model.graph.node[0]!.name).toBe("inner/Add_0");
    expect(model.graph.node[2]!.attribute).toMatchObject([{ name: "alpha", type: 1, f: 0.25 }]);
    expect(model.graph.initializer).toHaveLength(1);
    expect(model.graph.initializer[0]).toMatchObject({ dims: [3], dataType: 1 });
    expect(model.graph.input).toMatchObject([
      { name: "x", type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "N" }, { dimValue: 3 }] } } } },
    ]);
  });

  it("gives the numbers it should", async () => {
    const g = new GraphBuilder("numbers");
    const x = g.input("x", "float32", ["N"]);
    g.output("y", g.node("Add", [g.node("Mul", [x, g.float(-2.5)]), g.float(1)]), "float32", ["N"]);
    g.output("count", g.node("Cast", [g.node("Shape", [x])], { to: 1 }), "float32", [1]);
    const outputs = await runGraph(g.build(), { x: { dims: [3], data: Float32Array.of(0, 1, -4) } });
    expect(Array.from(outputs["y"]!.data)).toEqual([1, -1.5, 11]);
    expect(Array.from(outputs["count"]!.data)).toEqual([3]);
  });

  it("refuses what cannot be a graph", () => {
    const g = new GraphBuilder("bad");
    const x = g.input("x", "float32", [1]);
    expect(() => g.build()).toThrow(graphError("has no output"));
    expect(() => g.input("x", "float32", [1])).toThrow(graphError('"x" is empty or taken'));
    expect(() => g.node("Relu", [new Value("elsewhere")])).toThrow(graphError("takes elsewhere"));
    expect(() => g.node("LeakyRelu", [x], { alpha: 0.2 })).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining("{float: …}") as string }) as Error,
    );
    const weights = new Weights(seededWeights(1), "w");
    g.weight(weights.tensor("a", [2]));
    expect(() => g.weight(weights.tensor("a", [3]))).toThrow(graphError("two constants are called w/a"));
  });

  it("exposes values in between only when asked", () => {
    for (const [exposeIntermediates, outputs] of [
      [true, ["part/middle", "y"]],
      [false, ["y"]],
    ] as const) {
      const g = new GraphBuilder("expose", { exposeIntermediates });
      const middle = g.scoped("part").expose("middle", g.node("Relu", [g.input("x", "float32", [1])]));
      g.output("y", middle, "float32");
      expect(g.build().outputs.map((output) => output.name)).toEqual(outputs);
    }
  });

  it("stores weights in half precision when asked", async () => {
    const g = new GraphBuilder("half", { precision: "float16" });
    const x = g.node("Cast", [g.input("x", "float32", ["N", 64])], { to: 10 });
    const y = linear(g, x, new Weights(seededWeights(1), "layer"), 64, 32);
    g.output("y", g.node("Cast", [y], { to: 1 }), "float32", ["N", 32]);
    const half = (await runGraph(g.build(), input))["y"]!.data;
    const full = (await runGraph(linearGraph("full"), input))["y"]!.data;
    const differences = half.map((value, at) => Math.abs(value - full[at]!));
    expect(Math.max(...differences)).toBeGreaterThan(0);
    expect(Math.max(...differences)).toBeLessThan(5e-3);
  });
});

describe("float16", () => {
  it("survives the way there and back for every number it has", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromFloat16(bits);
      if (Number.isNaN(value)) expect(toFloat16(value) & 0x7fff).toBeGreaterThan(0x7c00);
      else expect(toFloat16(value)).toBe(bits);
    }
  });

  it("rounds to nearest even and overflows to infinity", () => {
    expect(toFloat16(1 + 2 ** -11)).toBe(toFloat16(1));
    expect(toFloat16(1 + 3 * 2 ** -11)).toBe(toFloat16(1 + 2 ** -9));
    expect(toFloat16(65519)).toBe(0x7bff);
    expect(toFloat16(65520)).toBe(0x7c00);
    expect(toFloat16(-1e30)).toBe(0xfc00);
    expect(toFloat16(2 ** -25)).toBe(0);
    expect(toFloat16(1.5 * 2 ** -24)).toBe(2);
  });
});

describe("a number that half precision does not reach", () => {
  it("is an error that names the tensor and what to do; NaN, which marks what is unknown, is stored", () => {
    expect(() => floatTensor("main/a", [2], "float16", () => Float32Array.of(1, 70000)).bytes()).toThrow(
      expect.objectContaining({
        code: "ERR_MODEL_WEIGHTS",
        message: expect.stringMatching(/main\/a contains 70000.*65504/u) as string,
        remedy: expect.stringContaining("fp32") as string,
      }),
    );
    expect(floatTensor("main/a", [2], "float16", () => Float32Array.of(65504, Number.NaN)).bytes()).toHaveLength(4);
    expect(floatTensor("main/a", [1], "float32", () => Float32Array.of(70000)).bytes()).toHaveLength(4);
  });
});

describe("weight files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cobra-graph-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are shared by graphs, hold equal tensors once and change nothing", async () => {
    const graphs = [linearGraph("one"), linearGraph("two"), linearGraph("three", 2)];
    await using weights = await WeightFile.create(join(folder, "weights.bin"));
    for (const graph of graphs) await writeModel(graph, join(folder, `${graph.name}.onnx`), weights);
    // Two different weights of 8 KB, page aligned; the biases are small and lie inside.
    expect(weights.byteLength).toBe(2 * 64 * 32 * 4);
    for (const graph of graphs) {
      const path = join(folder, `${graph.name}.onnx`);
      expect(statSync(path).size).toBeLessThan(2048);
      const loaded = await loadGraph(path);
      const outside = await loaded.run(input);
      loaded.close();
      expect(outside["y"]!.data).toEqual((await runGraph(graph, input))["y"]!.data);
    }
    const entries = decodeModelProto(readFileSync(join(folder, "three.onnx"))).graph.initializer.flatMap(
      (tensor) => tensor.externalData ?? [],
    );
    expect(entries).toEqual([
      { key: "location", value: "weights.bin" },
      { key: "offset", value: "8192" },
      { key: "length", value: "8192" },
    ]);
  });

  it("must lie beside their graphs, and nothing is overwritten", async () => {
    await using weights = await WeightFile.create(join(folder, "weights.bin"));
    await expect(writeModel(linearGraph("far"), join(tmpdir(), "far.onnx"), weights)).rejects.toThrow(
      graphError("is not beside"),
    );
    await writeModel(linearGraph("near"), join(folder, "near.onnx"));
    await expect(writeModel(linearGraph("near"), join(folder, "near.onnx"))).rejects.toThrow("EEXIST");
  });

  it("are a must above a gigabyte; nothing is read to find out", () => {
    const g = new GraphBuilder("huge");
    const x = g.input("x", "float32", [1, 1 << 20]);
    const source = { ...seededWeights(1), read: () => expect.unreachable("a weight was read") as never };
    g.output("y", linear(g, x, new Weights(source, "layer"), 1 << 20, 257), "float32");
    expect(() => modelBytes(g.build())).toThrow(graphError(`above ${MAX_INLINE_BYTES} they must go to a weight file`));
  });
});
