/** Weight sources: safetensors files, random weights, views, and the book of what was used. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSafetensors, SafetensorsFile } from "../../../src/convert/weights/safetensors.js";
import { givenWeights, overlay, prefixView, seededWeights, union } from "../../../src/convert/weights/sources.js";
import { transposed, Weights } from "../../../src/onnx/weights.js";

type Header = Record<string, unknown>;

function safetensors(header: Header | string, data: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

function tensor(dtype: string, shape: number[], from: number, to: number): object {
  return { dtype, shape, data_offsets: [from, to] };
}

function weightsError(text: string): object {
  return expect.objectContaining({
    code: "ERR_MODEL_WEIGHTS",
    message: expect.stringContaining(text) as string,
  }) as object;
}

describe("safetensors", () => {
  it("reads every dtype", () => {
    const data = new Uint8Array(64);
    const view = new DataView(data.buffer);
    view.setFloat32(0, 1.5, true);
    view.setFloat32(4, -2, true);
    view.setUint16(8, 0x3e00, true); // float16 1.5
    view.setUint16(10, 0xc000, true); // float16 -2
    view.setUint16(12, 0x3fc0, true); // bfloat16 1.5
    view.setUint16(14, 0xc000, true); // bfloat16 -2
    view.setBigInt64(16, -7n, true);
    view.setInt32(24, 9, true);
    view.setFloat64(28, 0.25, true);
    data[36] = 1;
    const header = {
      __metadata__: { format: "pt" },
      f32: tensor("F32", [2, 1], 0, 8),
      f16: tensor("F16", [2], 8, 12),
      bf16: tensor("BF16", [2], 12, 16),
      i64: tensor("I64", [1], 16, 24),
      i32: tensor("I32", [], 24, 28),
      f64: tensor("F64", [1], 28, 36),
      bool: tensor("BOOL", [1], 36, 37),
      empty: tensor("F32", [0, 4], 37, 37),
    };
    const file = SafetensorsFile.fromBytes(safetensors(header, data.subarray(0, 37)), "memory");
    expect(file.names()).toEqual(["f32", "f16", "bf16", "i64", "i32", "f64", "bool", "empty"]);
    expect(file.dims("f32")).toEqual([2, 1]);
    expect(["f32", "f16", "bf16"].map((name) => Array.from(file.read(name)))).toEqual([
      [1.5, -2],
      [1.5, -2],
      [1.5, -2],
    ]);
    expect(["i64", "i32", "f64", "bool", "empty"].map((name) => Array.from(file.read(name)))).toEqual([
      [-7],
      [9],
      [0.25],
      [1],
      [],
    ]);
    expect(() => file.read("none")).toThrow(weightsError('has no tensor "none"'));
  });

  it.each([
    ["too short", new Uint8Array(5), "has 5 bytes"],
    ["a text", new TextEncoder().encode("this is not a model"), "truncated or another format"],
    ["nothing", new Uint8Array(0), "has 0 bytes"],
    [
      "a Git LFS pointer",
      new TextEncoder().encode(`version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 2443\n`),
      "git lfs pull",
    ],
    ["a web page", new TextEncoder().encode("<!DOCTYPE html><title>Not found</title>"), "web page"],
    [
      "a checkpoint of PyTorch",
      new TextEncoder().encode(`PK\u0003\u0004${"x".repeat(40)}`),
      "ZIP archive",
      "name it .bin, .pt or .pth",
    ],
    ["no JSON", safetensors("{{", new Uint8Array()), "not JSON"],
    ["no object", safetensors("[1]", new Uint8Array()), "not a JSON object"],
    ["unknown dtype", safetensors({ a: tensor("Q4", [1], 0, 1) }, new Uint8Array(1)), '"a" has a bad entry'],
    ["negative size", safetensors({ a: tensor("F32", [-1], 0, 4) }, new Uint8Array(4)), '"a" has a bad entry'],
    ["wrong length", safetensors({ a: tensor("F32", [2], 0, 4) }, new Uint8Array(4)), "needs 8 bytes and has 4"],
    ["truncated data", safetensors({ a: tensor("F32", [2], 0, 8) }, new Uint8Array(7)), "it is truncated"],
    [
      "overlap",
      safetensors({ a: tensor("F32", [1], 0, 4), b: tensor("F32", [1], 2, 6) }, new Uint8Array(6)),
      '"b" begins at',
    ],
    [
      "one name twice",
      safetensors(
        JSON.stringify({ a: tensor("F16", [2], 0, 4) }).replace(
          "}}",
          `},"a":${JSON.stringify(tensor("I16", [2], 0, 4))}}`,
        ),
        new Uint8Array(4),
      ),
      'the name "a" is given twice',
    ],
    ["nested far too deep", safetensors("[".repeat(100_000), new Uint8Array()), "nested deeper than"],
    ["100,000 axes", safetensors({ a: tensor("F32", Array(100_000).fill(1), 0, 4) }, new Uint8Array(4)), "shape: "],
    ["a name of a megabyte", safetensors({ ["n".repeat(2 ** 20)]: 5 }, new Uint8Array()), `n"… has a bad entry`],
    ["appended bytes", safetensors({ a: tensor("F32", [1], 0, 4) }, new Uint8Array(6)), "something appended"],
    [
      "sizes whose product overflows",
      safetensors({ a: tensor("F32", [2 ** 40, 2 ** 40], 0, 4) }, new Uint8Array(4)),
      "needs",
    ],
  ])("refuses a bad file: %s", (_, bytes, message, remedy?: string) => {
    expect(() => SafetensorsFile.fromBytes(bytes, "bad.safetensors")).toThrow(weightsError(message));
    expect(() => SafetensorsFile.fromBytes(bytes, "bad.safetensors")).toThrow(weightsError("bad.safetensors"));
    if (remedy !== undefined)
      expect(() => SafetensorsFile.fromBytes(bytes, "bad.safetensors")).toThrow(expect.objectContaining({ remedy }));
  });

  it("reads from disk a tensor at a time, as from memory", () => {
    const folder = mkdtempSync(join(tmpdir(), "cobra-safetensors-"));
    try {
      const path = join(folder, "a.safetensors");
      const data = Uint8Array.from({ length: 16 }, (_, at) => at);
      writeFileSync(path, safetensors({ a: tensor("F32", [1], 0, 4), b: tensor("F32", [3], 4, 16) }, data));
      using file = SafetensorsFile.open(path);
      expect(file.bytes("b")).toEqual(data.subarray(4));
      expect(file.read("b")).toEqual(loadSafetensors(path).read("b"));
      expect(() => SafetensorsFile.open(join(folder, "none"))).toThrow(weightsError("cannot be opened"));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("seeded weights", () => {
  it("depend on seed and name only and have the deviation they should", () => {
    const values = seededWeights(1).read("layer.weight", [256, 400]);
    expect(seededWeights(1).read("layer.weight", [256, 400])).toEqual(values);
    expect(seededWeights(2).read("layer.weight", [256, 400])).not.toEqual(values);
    expect(seededWeights(1).read("other.weight", [256, 400])).not.toEqual(values);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(Math.abs(mean)).toBeLessThan(1e-3);
    expect(deviation).toBeCloseTo(1 / 20, 3);
  });

  it("set norms to one, biases to zero, and follow rules", () => {
    const source = seededWeights(1, [{ match: /^a\.weight$/u, scale: 0 }]);
    expect(Array.from(source.read("norm.weight", [2]))).toEqual([1, 1]);
    expect(Array.from(source.read("norm.running_var", [2]))).toEqual([1, 1]);
    expect(Array.from(source.read("norm.bias", [2]))).toEqual([0, 0]);
    expect(source.read("a.weight", [2, 2]).every((value) => Math.abs(value) === 0)).toBe(true);
  });
});

describe("views", () => {
  const base = givenWeights(
    { "a.x": { dims: [1], data: Float32Array.of(1) }, "b.x": { dims: [1], data: Float32Array.of(2) } },
    "base",
  );

  it("show a prefix, a union and an overlay", () => {
    const view = prefixView(base, "b.");
    expect(view.names()).toEqual(["x"]);
    expect(Array.from(view.read("x", [1]))).toEqual([2]);
    const other = givenWeights(
      { "b.x": { dims: [1], data: Float32Array.of(3) }, c: { dims: [1], data: Float32Array.of(4) } },
      "other",
    );
    expect(() => union([base, other])).toThrow(weightsError('"b.x" is in base and in other'));
    const both = overlay(base, other);
    expect(both.names()).toEqual(["a.x", "b.x", "c"]);
    expect(["a.x", "b.x", "c"].map((name) => both.read(name, [1])[0])).toEqual([1, 3, 4]);
    const joined = union([
      prefixView(base, "a."),
      prefixView(other, "b.").names() === undefined
        ? base
        : givenWeights({ y: { dims: [1], data: Float32Array.of(5) } }, "y"),
    ]);
    expect(joined.names()).toEqual(["x", "y"]);
  });
});

describe("Weights", () => {
  it("lists every missing, wrongly shaped and unused tensor by name in one error", () => {
    const source = givenWeights(
      {
        "net.used": { dims: [2], data: new Float32Array(2) },
        "net.shape": { dims: [3], data: new Float32Array(3) },
        "net.extra": { dims: [1], data: new Float32Array(1) },
        "net.known": { dims: [1], data: new Float32Array(1) },
        "old.first": { dims: [1], data: new Float32Array(1) },
      },
      "file.bin",
    );
    const weights = new Weights(source, "main");
    const net = weights.scope("net");
    net.tensor("used", [2]);
    net.tensor("shape", [4]);
    expect(Array.from(net.tensor("gone", [2]).data())).toEqual([0, 0]);
    net.skip("known");
    weights.skip("old.");
    expect(weights.unused()).toEqual(["net.extra"]);
    expect(() => weights.check()).toThrow(weightsError("main from file.bin do not fit (3)"));
    expect(() => weights.check()).toThrow(weightsError("net.shape: has the shape [3], expected [4]"));
    expect(() => weights.check()).toThrow(weightsError("net.gone: missing, expected [2]"));
    expect(() => weights.check()).toThrow(weightsError("net.extra: is not part of the network"));
  });

  it("refuses a value that is no number, by name", () => {
    const damaged = givenWeights(
      { "a.weight": { dims: [2, 2], data: Float32Array.of(1, 2, Number.NaN, 4) } },
      "damaged.bin",
    );
    const tensor = new Weights(damaged, "main").tensor("a.weight", [2, 2]);
    expect(() => tensor.data()).toThrow(weightsError('the tensor "a.weight" of damaged.bin holds NaN (value 2 of 4)'));
    expect(() => transposed(tensor).data()).toThrow(expect.objectContaining({ remedy: "get it again" }));
  });

  it("transposes a linear layer's weight", () => {
    const source = givenWeights({ w: { dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } }, "w");
    const turned = transposed(new Weights(source, "l").tensor("w", [2, 3]));
    expect(turned.dims).toEqual([3, 2]);
    expect(Array.from(turned.data())).toEqual([1, 4, 2, 5, 3, 6]);
  });
});
