/**
 * Memory that JavaScript takes away while a job uses it: transferred, or shrunk. The job had its contents, and nothing
 * reads what is gone.
 */
import { describe, expect, test } from "vitest";
import { InferenceSession, Tensor } from "../../src/binding/index.js";
import { busy, doubling } from "../support/small-models.js";

const COUNT = 64 * 64;
const DISPOSED = { code: "ERR_DISPOSED" };

interface Resizable extends ArrayBuffer {
  resize(bytes: number): void;
}

function resizable(bytes: number): Resizable {
  return new (ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => Resizable)(bytes, {
    maxByteLength: bytes,
  });
}

/** Two ways to take the memory of an array away. */
const WAYS: [string, (bytes: number) => ArrayBuffer, (buffer: ArrayBuffer) => void][] = [
  ["transferred", (bytes) => new ArrayBuffer(bytes), (buffer) => void structuredClone(buffer, { transfer: [buffer] })],
  ["shrunk", resizable, (buffer) => (buffer as Resizable).resize(0)],
];

describe.each(WAYS)("memory that is %s", (_, make, take) => {
  const filled = (value: number): Float32Array => new Float32Array(make(4 * COUNT)).fill(value);
  const rounds = (count: number): Tensor => Tensor.from("int64", BigInt64Array.of(BigInt(count)), []);

  test("during a run as its input", async () => {
    using session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
    const [first, second] = [filled(3), filled(4)];
    const runs = [first, second].map((data) =>
      session.run({ rounds: rounds(2000), x: Tensor.from("float32", data, [64, 64]) }),
    );
    for (const data of [first, second]) take(data.buffer as ArrayBuffer);
    const values = (await Promise.all(runs)).map(({ y }) => y!.data as Float32Array);
    expect(values.map((data) => [data.length, data.every((value) => value === data[0]), data[0]])).toEqual([
      [COUNT, true, 3],
      [COUNT, true, 4],
    ]);
  });

  test("during a run as its output", async () => {
    using session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
    const place = filled(0);
    const run = session.run(
      { rounds: rounds(2000), x: Tensor.from("float32", filled(3), [64, 64]) },
      { outputs: { y: Tensor.from("float32", place, [64, 64]) } },
    );
    take(place.buffer as ArrayBuffer);
    await expect(run).rejects.toMatchObject(DISPOSED);
  });

  test("during a bound run, and before the next", async () => {
    using session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
    const [x, y] = [filled(5), filled(0)];
    using binding = session.bind(
      { rounds: rounds(1000), x: Tensor.from("float32", x, [64, 64]) },
      { y: Tensor.from("float32", y, [64, 64]) },
    );
    const run = binding.run();
    take(x.buffer as ArrayBuffer);
    await run;
    expect(y.every((value) => value === 5)).toBe(true);
    await expect(binding.run()).rejects.toMatchObject(DISPOSED);
  });

  test("during a copy", async () => {
    using session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
    const running = session.run({ rounds: rounds(2000), x: Tensor.alloc("float32", [64, 64]) });
    const [source, target] = [filled(6), filled(0)];
    const copies = [
      Tensor.from("float32", source, [COUNT]).copyTo(Tensor.from("float32", target, [COUNT])),
      Tensor.alloc("float32", [COUNT]).copyTo(Tensor.from("float32", source, [COUNT])),
    ];
    take(source.buffer as ArrayBuffer);
    await copies[0];
    expect(target.every((value) => value === 6)).toBe(true);
    await expect(copies[1]).rejects.toMatchObject(DISPOSED);
    await running;
  });

  test("while a model is loaded of it", async () => {
    const model = new Uint8Array(make(doubling("float32").length));
    model.set(doubling("float32"));
    const loading = InferenceSession.create(model);
    take(model.buffer as ArrayBuffer);
    using session = await loading;
    const { y } = await session.run({ x: Tensor.from("float32", Float32Array.of(4), [1, 1]) });
    expect([...y!.data]).toEqual([8]);
  });

  test("before a run gives ERR_DISPOSED", async () => {
    using session = await InferenceSession.create(doubling("float32"));
    const data = filled(1);
    const x = Tensor.from("float32", data, [64, 64]);
    take(data.buffer as ArrayBuffer);
    await expect(session.run({ x })).rejects.toMatchObject(DISPOSED);
  });
});

test("an allocated tensor's memory is used in place and outlives the tensor and a run", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  const x = Tensor.alloc("float32", [2, 2]);
  const data = x.data as Float32Array;
  data.set([1, 2, 3, 4]);
  await session.run({ x }, { outputs: { y: x } });
  expect([...data]).toEqual([2, 4, 6, 8]);
  const run = session.run({ x }, { outputs: { y: x } });
  x.dispose();
  await run;
  expect([...data]).toEqual([4, 8, 12, 16]);
});

test("values that are not finite fail a run that asks for finite ones, and only there", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  using half = await InferenceSession.create(doubling("float16"));
  for (const bad of [Number.NaN, Infinity, -Infinity, 3e38]) {
    for (const at of [0, 4095, 4096, 9999]) {
      const x = Tensor.alloc("float32", [1, 10_000]);
      (x.data as Float32Array)[at] = bad;
      await expect(session.run({ x }, { finite: true })).rejects.toMatchObject({
        code: "ERR_MODEL_OUTPUT",
        message: expect.stringContaining('"y" holds values that are not finite') as unknown,
      });
      await session.run({ x });
    }
  }
  const fine = Tensor.from("float32", Float32Array.of(1.7e38, -1.7e38, 1e-45, -0), [1, 4]);
  expect((await session.run({ x: fine }, { finite: true }))["y"]!.data).toHaveLength(4);
  const [large, largest] = [0x7800, 0x7700].map((bits) => Tensor.from("float16", Uint16Array.of(0, bits), [1, 2]));
  await expect(half.run({ x: large! }, { finite: true })).rejects.toMatchObject({ code: "ERR_MODEL_OUTPUT" });
  await half.run({ x: largest! }, { finite: true });
});
