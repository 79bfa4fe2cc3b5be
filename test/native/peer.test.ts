/** The addon's results equal onnxruntime-node's, in one process with it. */
import { describe, expect, test } from "vitest";
import { InferenceSession, Tensor, type Dtype, type TensorData } from "../../src/binding/index.js";
import { loadPeer, peerMissing } from "../support/peer.js";
import { busy, doubling, joining, perceptron, sumAndProduct } from "../support/small-models.js";

interface Operand {
  dtype: Dtype;
  data: TensorData;
  dims: readonly number[];
}

const wave = (count: number, step: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * step) * 3);

async function both(model: Uint8Array, inputs: Record<string, Operand>): Promise<void> {
  const peer = loadPeer();
  const theirs = await peer.InferenceSession.create(model);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, data, dims }]) => [name, new peer.Tensor(dtype, data, dims)]),
  );
  const expected = await theirs.run(feeds);
  using session = await InferenceSession.create(model);
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, data, dims }]) => [name, Tensor.from(dtype, data, dims)]),
  );
  const found = await session.run(given);
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(found)) {
    expect(tensor.dims).toEqual(expected[name]!.dims);
    expect([...tensor.data]).toEqual(Array.from<number | bigint>(expected[name]!.data));
    expect(tensor.data.length).toBeGreaterThan(0);
  }
  await theirs.release();
}

describe.skipIf(peerMissing)(`against onnxruntime-node${peerMissing ? ` (skipped: ${peerMissing})` : ""}`, () => {
  const doubles: [Dtype, TensorData][] = [
    ["float32", Float32Array.of(0.5, -1.25, 3e38, -0, 1e-40, Infinity)],
    ["float16", Uint16Array.of(0x3c00, 0xbc00, 0x7bff, 0x0001, 0x8000, 0x7c00)],
    ["int64", BigInt64Array.of(1n, -5n, 1n << 62n, 0n, -(1n << 40n), 7n)],
    ["int32", Int32Array.of(1, -5, 1 << 30, 0, -2, 7)],
    ["uint8", Uint8Array.of(0, 1, 127, 128, 255, 3)],
    ["bool", Uint8Array.of(0, 1, 1, 0, 1, 0)],
  ];
  test.each(doubles)("%s comes out the same, bit for bit", async (dtype, data) => {
    await both(doubling(dtype), { x: { dtype, data, dims: [2, 3] } });
  });

  test("a model with two outputs", async () => {
    await both(sumAndProduct(), {
      a: { dtype: "float32", data: wave(12, 0.3), dims: [3, 4] },
      b: { dtype: "float32", data: wave(12, 1.1), dims: [3, 4] },
    });
  });

  test("a perceptron", async () => {
    await both(perceptron(), { x: { dtype: "float32", data: wave(80, 0.17), dims: [5, 16] } });
  });

  test("a join of different sizes", async () => {
    await both(joining(), {
      a: { dtype: "float32", data: wave(8, 0.3), dims: [2, 4] },
      b: { dtype: "float32", data: wave(20, 0.7), dims: [5, 4] },
    });
  });

  test("a loop", async () => {
    await both(busy(), {
      rounds: { dtype: "int64", data: BigInt64Array.of(3n), dims: [] },
      x: { dtype: "float32", data: wave(4096, 0.01), dims: [64, 64] },
    });
  });
});
