/** Bindings: bound once, run many times; and disposing in the middle of runs. */
import { expect, test } from "vitest";
import { InferenceSession, Tensor } from "../../src/binding/index.js";
import { busy, sumAndProduct } from "../support/small-models.js";

const four = (...values: number[]): Tensor => Tensor.from("float32", Float32Array.from(values), [1, 4]);

test("a binding reads its inputs anew and writes its outputs at every run", async () => {
  using session = await InferenceSession.create(sumAndProduct());
  const [a, b, sum, product] = [
    four(1, 2, 3, 4),
    four(10, 20, 30, 40),
    four(0, 0, 0, 0),
    await Tensor.allocOn(session, "float32", [1, 4]),
  ];
  using binding = session.bind({ a, b }, { sum, product });
  await binding.run();
  expect([...sum.data]).toEqual([11, 22, 33, 44]);
  a.data[0] = 5;
  await binding.run();
  expect([...sum.data]).toEqual([15, 22, 33, 44]);
  expect([...product.data]).toEqual([50, 40, 90, 160]);
});

test("outputs bound as the next session's inputs make a chain without a look at the values", async () => {
  using first = await InferenceSession.create(sumAndProduct());
  using second = await InferenceSession.create(sumAndProduct());
  const x = four(1, 2, 3, 4);
  const [middle, last] = [await Tensor.allocOn(first, "float32", [1, 4]), four(0, 0, 0, 0)];
  using head = first.bind({ a: x, b: x }, { product: middle });
  using tail = second.bind({ a: middle, b: x }, { sum: last });
  const runs = [head.run(), tail.run()];
  await Promise.all(runs);
  expect([...last.data]).toEqual([2, 6, 12, 20]);
});

test("a binding is checked like a run", async () => {
  using session = await InferenceSession.create(sumAndProduct());
  const a = four(1, 2, 3, 4);
  expect(() => session.bind({ a }, { sum: a })).toThrow(expect.objectContaining({ code: "ERR_TENSOR_NAME" }));
  expect(() => session.bind({ a, b: a }, {})).toThrow(expect.objectContaining({ code: "ERR_TENSOR_NAME" }));
  expect(() => session.bind({ a, b: a }, { sum: Tensor.alloc("int32", [1, 4]) })).toThrow(
    expect.objectContaining({ code: "ERR_TENSOR_DTYPE" }),
  );
  using binding = session.bind({ a, b: a }, { sum: Tensor.alloc("float32", [2, 4]) });
  await expect(binding.run()).rejects.toMatchObject({ code: "ERR_TENSOR_DIMS" });
});

test("a disposed binding is told as such; its tensors' memory lived as long as it did", async () => {
  using session = await InferenceSession.create(sumAndProduct());
  const [a, sum] = [four(1, 2, 3, 4), four(0, 0, 0, 0)];
  const array = sum.data;
  const binding = session.bind({ a, b: a }, { sum });
  a.dispose();
  sum.dispose();
  await binding.run();
  expect([...array]).toEqual([2, 4, 6, 8]);
  binding.dispose();
  binding.dispose();
  await expect(binding.run()).rejects.toMatchObject({ code: "ERR_DISPOSED" });
});

test("inputs, outputs, binding and session disposed in the middle of their runs: the runs finish right", async () => {
  const session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
  const x = Tensor.from("float32", new Float32Array(4096).fill(3), [64, 64]);
  const rounds = Tensor.from("int64", BigInt64Array.of(3000n), []);
  const place = Tensor.alloc("float32", [64, 64]);
  const array = place.data;
  const bound = await Tensor.allocOn(session, "float32", [64, 64]);
  const binding = session.bind({ rounds, x }, { y: bound });
  const kept = bound.view(0, [64, 64]);
  const runs = [
    session.run({ rounds, x }),
    session.run({ rounds, x }, { outputs: { y: place } }),
    binding.run(),
  ] as const;
  for (const object of [x, rounds, place, bound, binding, session]) object.dispose();
  const [{ y }] = await Promise.all(runs);
  for (const result of [y!.data, array, kept.data] as Float32Array[])
    expect(result.every((value) => value === 3)).toBe(true);
});

test("aborting a bound run rejects with the reason and leaves the binding usable", async () => {
  using session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
  const [rounds, x, y] = [
    Tensor.from("int64", BigInt64Array.of(1_000_000_000n), []),
    Tensor.alloc("float32", [64, 64]),
    Tensor.alloc("float32", [64, 64]),
  ];
  using binding = session.bind({ rounds, x }, { y });
  const stop = new AbortController();
  const run = binding.run({ signal: stop.signal });
  setTimeout(() => {
    stop.abort("stopped");
  }, 20);
  await expect(run).rejects.toBe("stopped");
  (rounds.data as BigInt64Array)[0] = 2n;
  await binding.run();
});
