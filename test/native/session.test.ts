/** Sessions: loading, running, what comes out, and errors that name the culprit. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { InferenceSession, Tensor } from "../../src/binding/index.js";
import { busy, doubling, joining, lookup, sumAndProduct } from "../support/small-models.js";
import { onnxModel } from "../support/tiny-onnx.js";

const folder = mkdtempSync(join(tmpdir(), "cobra-session-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const f32 = (...values: number[]): Float32Array<ArrayBuffer> => Float32Array.from(values);
const rounds = (count: bigint): Tensor => Tensor.from("int64", BigInt64Array.of(count), []);

test("a model is loaded from bytes and from a file and says what it takes and gives", async () => {
  const path = join(folder, "sum.onnx");
  writeFileSync(path, sumAndProduct());
  for (const model of [sumAndProduct(), path]) {
    using session = await InferenceSession.create(model);
    expect(session.provider).toBe("cpu");
    expect(session.inputs).toEqual([
      { name: "a", dtype: "float32", dims: ["n", 4] },
      { name: "b", dtype: "float32", dims: ["n", 4] },
    ]);
    const a = Tensor.from("float32", f32(1, 2, 3, 4), [1, 4]);
    const { sum, product } = await session.run({ a, b: a });
    expect([...sum!.data]).toEqual([2, 4, 6, 8]);
    expect([...product!.data]).toEqual([1, 4, 9, 16]);
    expect(sum!.dims).toEqual([1, 4]);
  }
});

test("only the outputs asked for are given, in place where tensors are given", async () => {
  using session = await InferenceSession.create(sumAndProduct());
  const a = Tensor.from("float32", f32(1, 2, 3, 4), [1, 4]);
  expect(Object.keys(await session.run({ a, b: a }, { outputs: ["product"] }))).toEqual(["product"]);
  const place = Tensor.alloc("float32", [1, 4]);
  const { sum } = await session.run({ a, b: a }, { outputs: { sum: place } });
  expect(sum).toBe(place);
  expect([...place.data]).toEqual([2, 4, 6, 8]);
});

test("tensors without elements go in and come out", async () => {
  using session = await InferenceSession.create(joining());
  const empty = Tensor.alloc("float32", [0, 4]);
  const { y } = await session.run({ a: empty, b: empty });
  expect(y!.dims).toEqual([0, 4]);
  expect(y!.data).toHaveLength(0);
  const { y: one } = await session.run({ a: empty, b: Tensor.from("float32", f32(1, 2, 3, 4), [1, 4]) });
  expect([...one!.data]).toEqual([1, 2, 3, 4]);
});

test("a name that the model does not have, or one left out, is named", async () => {
  using session = await InferenceSession.create(sumAndProduct());
  const a = Tensor.alloc("float32", [1, 4]);
  await expect(session.run({ a, c: a })).rejects.toMatchObject({
    code: "ERR_TENSOR_NAME",
    message: expect.stringMatching(/"c".*"a", "b"/),
  });
  await expect(session.run({ a })).rejects.toMatchObject({
    code: "ERR_TENSOR_NAME",
    message: expect.stringContaining('"b"'),
  });
  await expect(session.run({ a, b: a }, { outputs: ["total"] })).rejects.toMatchObject({
    code: "ERR_TENSOR_NAME",
    message: expect.stringContaining('"total"'),
  });
});

test("a wrong dtype and wrong dims are told with what was needed and what came", async () => {
  using session = await InferenceSession.create(sumAndProduct());
  const a = Tensor.alloc("float32", [1, 4]);
  await expect(session.run({ a, b: Tensor.alloc("float16", [1, 4]) })).rejects.toMatchObject({
    code: "ERR_TENSOR_DTYPE",
    message: 'input "b" needs float32, but got float16',
  });
  await expect(session.run({ a, b: Tensor.alloc("float32", [1, 5]) })).rejects.toMatchObject({
    code: "ERR_TENSOR_DIMS",
    message: 'input "b" needs dims [n, 4], but got [1, 5]',
  });
  await expect(session.run({ a, b: Tensor.alloc("float32", [4]) })).rejects.toMatchObject({
    code: "ERR_TENSOR_DIMS",
    message: expect.stringContaining("got [4]"),
  });
  await expect(session.run({ a, b: Tensor.alloc("float32", [2, 4]) })).rejects.toMatchObject({
    code: "ERR_TENSOR_DIMS",
    message: expect.stringMatching(/n is 2.*"a" has n = 1/),
  });
  await expect(session.run({ a, b: a }, { outputs: { sum: Tensor.alloc("float32", [3, 4]) } })).rejects.toMatchObject({
    code: "ERR_TENSOR_DIMS",
  });
});

test("a disposed tensor or session is told as such", async () => {
  const session = await InferenceSession.create(sumAndProduct());
  const a = Tensor.alloc("float32", [1, 4]);
  const gone = Tensor.alloc("float32", [1, 4]);
  gone.dispose();
  await expect(session.run({ a, b: gone })).rejects.toMatchObject({
    code: "ERR_DISPOSED",
    message: expect.stringContaining('input "b"'),
  });
  expect(() => gone.data).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
  session.dispose();
  session.dispose();
  await expect(session.run({ a, b: a })).rejects.toMatchObject({
    code: "ERR_DISPOSED",
    message: expect.stringContaining("session"),
  });
  expect(() => session.allocatorStats()).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
});

test("an array whose buffer was transferred away is refused, not read", async () => {
  using session = await InferenceSession.create(doubling("float32"));
  const data = f32(1, 2);
  const x = Tensor.from("float32", data, [1, 2]);
  structuredClone(data.buffer, { transfer: [data.buffer] });
  await expect(session.run({ x })).rejects.toMatchObject({
    code: "ERR_DISPOSED",
    message: expect.stringContaining("taken away"),
  });
});

test("a failure inside the model is ERR_RUN, and the session goes on", async () => {
  using session = await InferenceSession.create(lookup());
  const bad = Tensor.from("int64", BigInt64Array.of(7n), [1]);
  await expect(session.run({ index: bad })).rejects.toMatchObject({
    code: "ERR_RUN",
    name: "InferenceError",
    message: expect.stringContaining("indices element out of data bounds"),
  });
  const { y } = await session.run({ index: Tensor.from("int64", BigInt64Array.of(2n, 0n), [2]) });
  expect([...y!.data]).toEqual([30, 10]);
});

test("bytes that are no model and files that are not there are ERR_SESSION_CREATE", async () => {
  await expect(InferenceSession.create(Buffer.from("no model at all"))).rejects.toMatchObject({
    code: "ERR_SESSION_CREATE",
  });
  await expect(InferenceSession.create(join(folder, "missing.onnx"))).rejects.toMatchObject({
    code: "ERR_SESSION_CREATE",
    message: expect.stringContaining("missing.onnx"),
  });
  await expect(InferenceSession.create(new Uint8Array())).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  await expect(InferenceSession.create(doubling("uint16"))).rejects.toMatchObject({
    code: "ERR_TENSOR_DTYPE",
    message: expect.stringContaining('"x"'),
  });
  const unknown = onnxModel({
    nodes: [{ op: "NoSuchOp", inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", dtype: "float32", dims: [1] }],
    outputs: [{ name: "y", dtype: "float32", dims: [1] }],
  });
  await expect(InferenceSession.create(unknown)).rejects.toMatchObject({
    code: "ERR_SESSION_CREATE",
    message: expect.stringContaining("NoSuchOp"),
  });
});

test("aborting ends a run that is in progress, one that is queued, and one not begun, with the signal's reason", async () => {
  using session = await InferenceSession.create(busy());
  const x = Tensor.alloc("float32", [64, 64]);
  const running = new AbortController();
  const queued = new AbortController();
  const first = session.run({ rounds: rounds(1_000_000_000n), x }, { signal: running.signal });
  const second = session.run({ rounds: rounds(1_000_000_000n), x }, { signal: queued.signal });
  const third = session.run({ rounds: rounds(3n), x });
  const [why, whyNot] = [new Error("enough"), new Error("not needed")];
  queued.abort(whyNot);
  await expect(second).rejects.toBe(whyNot);
  running.abort(why);
  await expect(first).rejects.toBe(why);
  expect((await third)["y"]!.dims).toEqual([64, 64]);
  await expect(session.run({ rounds: rounds(1n), x }, { signal: AbortSignal.abort("late") })).rejects.toBe("late");
  expect((await session.run({ rounds: rounds(1n), x }))["y"]!.dims).toEqual([64, 64]);
});

test("aborting ends the loading of a model, queued or in progress", async () => {
  using session = await InferenceSession.create(busy());
  const x = Tensor.alloc("float32", [64, 64]);
  const [stopRun, stopLoad] = [new AbortController(), new AbortController()];
  const run = session.run({ rounds: rounds(1_000_000_000n), x }, { signal: stopRun.signal });
  const load = InferenceSession.create(busy(), { signal: stopLoad.signal });
  stopLoad.abort("not needed");
  await expect(load).rejects.toBe("not needed");
  stopRun.abort("enough");
  await expect(run).rejects.toBe("enough");
  const inProgress = new AbortController();
  const loading = InferenceSession.create(busy(), { signal: inProgress.signal });
  setTimeout(() => {
    inProgress.abort("too late perhaps");
  }, 1);
  const ended = await loading.then((loaded) => {
    loaded.dispose();
    return "loaded";
  }, String);
  expect(["loaded", "too late perhaps"]).toContain(ended);
});

test("options with an unknown name or a bad value are refused by name", async () => {
  const model = doubling("float32");
  const refused = (options: object, text: string): Promise<void> =>
    expect(InferenceSession.create(model, options)).rejects.toMatchObject({
      code: "ERR_SESSION_OPTION",
      message: expect.stringContaining(text),
    });
  await refused({ threads: 2 }, '"threads"');
  await refused({ provider: "npu" }, '"npu"');
  await refused({ intraOpThreads: -1 }, "intraOpThreads is -1");
  await refused({ graphOptimization: "most" }, '"most"');
  await refused({ config: { "sesion.disable_prepacking": "1" } }, "sesion.disable_prepacking");
  await refused({ providerOptions: { speed: "high" } }, '"speed"');
  await refused({ provider: "webgpu", providerOptions: { speed: "high" } }, '"speed"');
  using session = await InferenceSession.create(model, {
    intraOpThreads: 1,
    graphOptimization: "basic",
    config: { "session.disable_prepacking": "1" },
    freeDimensions: { n: 2 },
  });
  expect(session.inputs[0]!.dims).toEqual([2, "m"]);
});
