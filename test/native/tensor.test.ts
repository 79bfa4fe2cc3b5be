/** Tensors: making, viewing, copying, disposing; the same calls on JS memory and on a session's memory. */
import { expect, test } from "vitest";
import { Device, InferenceSession, Tensor, type Dtype } from "../../src/binding/index.js";
import { doubling } from "../support/small-models.js";

const failure = (code: string, text: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

test("a tensor shares the caller's array: no copy, both see each other's writes", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  const data = Float32Array.of(1, 2);
  const x = Tensor.from("float32", data, [1, 2]);
  expect(x.data).toBe(data);
  data[1] = 21;
  const { y } = await session.run({ x });
  expect([...y!.data]).toEqual([2, 42]);
  const place = Float32Array.of(0, 0);
  await session.run({ x }, { outputs: { y: Tensor.from("float32", place, [1, 2]) } });
  expect([...place]).toEqual([2, 42]);
});

test("a tensor over a part of a larger, or shared, buffer reads that part", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  const buffer = new SharedArrayBuffer(16);
  new Float32Array(buffer).set([1, 2, 3, 4]);
  const { y } = await session.run({ x: Tensor.from("float32", new Float32Array(buffer, 4, 2), [2, 1]) });
  expect([...y!.data]).toEqual([4, 6]);
});

test.each<[Dtype, number]>([
  ["float32", 4],
  ["float16", 2],
  ["int64", 8],
  ["int32", 4],
  ["uint8", 1],
  ["bool", 1],
])("%s tensors have %d bytes an element, zeros at first", (dtype, bytes) => {
  const tensor = Tensor.alloc(dtype, [2, 3]);
  expect(tensor.byteLength).toBe(6 * bytes);
  expect(tensor.data.BYTES_PER_ELEMENT).toBe(bytes);
  expect([...tensor.data].every((element) => Number(element) === 0)).toBe(true);
  expect(tensor).toMatchObject({ dtype, dims: [2, 3], device: Device.of("cpu"), disposed: false });
});

test("the wrong array, dtype or dims are refused by name", () => {
  expect(() => Tensor.from("float32", new Uint8Array(4), [4])).toThrow(
    failure("ERR_TENSOR_DTYPE", "needs a Float32Array, but got a Uint8Array"),
  );
  expect(() => Tensor.from("float8" as Dtype, new Float32Array(4), [4])).toThrow(
    failure("ERR_TENSOR_DTYPE", '"float8"'),
  );
  expect(() => Tensor.from("float32", new Float32Array(4), [5])).toThrow(
    failure("ERR_TENSOR_DIMS", "5 elements, but the array has 4"),
  );
  expect(() => Tensor.alloc("float32", [2, -1])).toThrow(failure("ERR_TENSOR_DIMS", "-1"));
  expect(() => Tensor.alloc("float32", [2, 1.5])).toThrow(failure("ERR_TENSOR_DIMS", "1.5"));
  expect(() => Tensor.alloc("float32", [2 ** 40, 2 ** 40])).toThrow(failure("ERR_TENSOR_DIMS", "more elements"));
  const four = Tensor.alloc("float32", [4]);
  expect(() => four.view(2, [3])).toThrow(failure("ERR_TENSOR_DIMS", "from element 2 reaches outside a tensor of 4"));
  expect(() => four.view(-1, [1])).toThrow(failure("ERR_TENSOR_DIMS", "-1"));
});

// AddressSanitizer ends the process where operator new finds no memory, whatever its options say.
test.skipIf(process.env["COBRA_SANITIZER"])(
  "more memory than there is gives ERR_OUT_OF_MEMORY, on the host and in a session, and the session goes on",
  async () => {
    using session = await InferenceSession.create(doubling("float32"));
    expect(() => Tensor.alloc("float32", [2 ** 20, 2 ** 22])).toThrow(failure("ERR_OUT_OF_MEMORY", "16777216 MiB"));
    await expect(Tensor.allocOn(session, "float32", [2 ** 20, 2 ** 22])).rejects.toThrow(
      failure("ERR_OUT_OF_MEMORY", "16777216 MiB"),
    );
    const { y } = await session.run({ x: Tensor.from("float32", Float32Array.of(4), [1, 1]) });
    expect([...y!.data]).toEqual([8]);
  },
);

test("views share memory and outlive their parent, on JS memory and on a session's", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  for (const parent of [Tensor.alloc("float32", [3, 4]), await Tensor.allocOn(session, "float32", [3, 4])]) {
    parent.data.set(Array.from({ length: 12 }, (_, i) => i) as never);
    const row = parent.view(4, [1, 4]);
    const cell = row.view(2, [1, 1]);
    parent.dispose();
    expect(parent.disposed).toBe(true);
    expect([...row.data]).toEqual([4, 5, 6, 7]);
    expect([...cell.data]).toEqual([6]);
    const { y } = await session.run({ x: row });
    expect([...y!.data]).toEqual([8, 10, 12, 14]);
    await session.run({ x: cell }, { outputs: { y: cell } });
    expect([...row.data]).toEqual([4, 5, 12, 7]);
    for (const tensor of [row, cell, y!]) tensor.dispose();
  }
});

test("copies go between JS memory and a session's memory, views too; other dtypes and sizes are refused", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  const source = Tensor.from("float32", Float32Array.of(1, 2, 3, 4), [4]);
  const target = await Tensor.allocOn(session, "float32", [2, 2]);
  await source.copyTo(target);
  expect([...target.data]).toEqual([1, 2, 3, 4]);
  await target.view(2, [2]).copyTo(source.view(0, [2]));
  expect([...source.data]).toEqual([3, 4, 3, 4]);
  await expect(source.copyTo(Tensor.alloc("int32", [4]))).rejects.toMatchObject({ code: "ERR_TENSOR_DTYPE" });
  await expect(source.copyTo(Tensor.alloc("float32", [5]))).rejects.toMatchObject({ code: "ERR_TENSOR_DIMS" });
  await Tensor.alloc("float32", [0]).copyTo(await Tensor.allocOn(session, "float32", [0]));
  const host = await target.toHost();
  target.dispose();
  expect([...host.data]).toEqual([1, 2, 3, 4]);
  await expect(target.toHost()).rejects.toMatchObject({ code: "ERR_DISPOSED" });
});

test("disposing an output frees it at once and empties the arrays over it", async () => {
  using session = await InferenceSession.create(doubling("float32"), {
    config: { "session.use_device_allocator_for_initializers": "1" },
  });
  const x = Tensor.alloc("float32", [1024, 1024]);
  const { y } = await session.run({ x });
  const before = session.allocatorStats().inUseBytes;
  const array = y!.data;
  expect(array).toHaveLength(1024 * 1024);
  y!.dispose();
  expect(array).toHaveLength(0);
  await new Promise(setImmediate);
  expect(before - session.allocatorStats().inUseBytes).toBeGreaterThanOrEqual(4 << 20);
});
