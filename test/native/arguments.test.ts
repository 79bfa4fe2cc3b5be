/** The raw addon's one door: whatever JavaScript hands in, it gets a coded error and never a crash. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InferenceSession, Tensor } from "../../src/binding/index.js";
import { OWNER } from "../../src/binding/runtime/device-owner.js";
import { loadAddon } from "../../src/binding/load.js";
import type { NativeSession, NativeTensor } from "../../src/binding/types.js";
import { sumAndProduct } from "../support/small-models.js";

const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });
const ARGUMENT = code("ERR_ARGUMENT");

let session: InferenceSession;
let native: NativeSession;
const four = (...values: number[]): NativeTensor =>
  Tensor.from("float32", Float32Array.from(values), [1, 4]).native("a test");
const nothing = (): void => undefined;

beforeAll(async () => {
  session = await InferenceSession.create(sumAndProduct());
  native = session[OWNER]();
});
afterAll(() => {
  session.dispose();
});

describe("operands", () => {
  const a = four(1, 2, 3, 4);
  const wrong: [string, unknown, unknown][] = [
    ["a missing input", ["a", "b"], [a, undefined]],
    ["null for an input", ["a", "b"], [a, null]],
    ["a number for an input", ["a", "b"], [a, 7]],
    ["fewer tensors than names", ["a", "b"], [a]],
    ["more tensors than names", ["a"], [a, a]],
    ["no array of tensors", ["a"], { 0: a, length: 1 }],
    ["no array of names", "a", [a]],
    ["a name that is no string", [1, "b"], [a, a]],
    ["no tensors at all", ["a", "b"], undefined],
    [
      "an object with a tensor's prototype",
      ["a", "b"],
      [a, Object.setPrototypeOf({}, Object.getPrototypeOf(a) as object)],
    ],
  ];

  test.each(wrong)("%s is refused by a run and by a binding", (_, names, tensors) => {
    const run = (...list: unknown[]): unknown => Reflect.apply(native.run, native, list);
    expect(() => run(names, tensors, ["sum"], [undefined], false, false, nothing)).toThrow(ARGUMENT);
    const bind = (...list: unknown[]): unknown => Reflect.apply(loadAddon().addon.createBinding, undefined, list);
    expect(() => bind(native, names, tensors, ["sum"], [four(0, 0, 0, 0)])).toThrow(ARGUMENT);
    expect(() => bind(native, ["a", "b"], [a, a], names, tensors)).toThrow(ARGUMENT);
  });

  test("a session with a tensor's prototype is no tensor, and a tensor no session", async () => {
    using other = await InferenceSession.create(sumAndProduct());
    const inner = other[OWNER]();
    const own = Object.getPrototypeOf(inner) as object;
    const disguised = Object.setPrototypeOf(inner, Object.getPrototypeOf(a) as object) as NativeTensor;
    expect(() => native.run(["a", "b"], [a, disguised], ["sum"], [undefined], false, false, nothing)).toThrow(ARGUMENT);
    expect(() => loadAddon().addon.copyTensor(a, disguised, nothing)).toThrow(ARGUMENT);
    expect(() => disguised.data()).toThrow(TypeError);
    const tensor = Object.setPrototypeOf(four(1, 2, 3, 4), Object.getPrototypeOf(native) as object) as NativeSession;
    expect(() => loadAddon().addon.tensorOnDevice("float32", [1], tensor, nothing)).toThrow(ARGUMENT);
    expect(() => tensor.describe()).toThrow(TypeError);
    Object.setPrototypeOf(inner, own);
  });

  test("reading the operands may run code that disposes of them", async () => {
    const x = Tensor.from("float32", Float32Array.of(1, 2, 3, 4), [1, 4]);
    const inner = x.native("a test");
    const list = [inner, inner];
    Object.defineProperty(list, 1, {
      get: () => {
        x.dispose();
        return a;
      },
    });
    const [sum] = await new Promise<(NativeTensor | undefined)[]>((resolve, reject) => {
      native.run(["a", "b"], list, ["sum"], [undefined], false, false, (error, result) =>
        error ? reject(error) : resolve(result),
      );
    });
    expect([...(sum!.data() as Float32Array)]).toEqual([2, 4, 6, 8]);
  });

  test("a run without somebody to tell is refused", () => {
    expect(() => native.run(["a", "b"], [a, a], ["sum"], [undefined], false, false, undefined as never)).toThrow(
      ARGUMENT,
    );
    expect(() => loadAddon().addon.copyTensor(a, four(0, 0, 0, 0), 5 as never)).toThrow(ARGUMENT);
    expect(() => loadAddon().addon.createSession(sumAndProduct(), undefined as never, nothing)).toThrow(ARGUMENT);
    expect(() => loadAddon().addon.createSession(7 as never, {} as never, nothing)).toThrow(ARGUMENT);
    expect(loadAddon().addon.cancel("x" as never)).toBe(false);
  });
});

describe("dims and views", () => {
  test.each<[number, number[]]>([
    [2 ** 53 - 1, [1]],
    [2 ** 61, [1]],
    [-1, [1]],
    [4, [1]],
    [0, [5]],
    [0.5, [1]],
    [Number.NaN, [1]],
  ])("a view from %d is refused", (offset, dims) => {
    expect(() => four(1, 2, 3, 4).view(offset, dims)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_(ARGUMENT|TENSOR_DIMS)$/) }),
    );
  });

  test("dims that are no whole numbers are refused", () => {
    const { addon } = loadAddon();
    for (const dims of [undefined, 4, ["4"], [1.5], [Number.NaN]])
      expect(() => addon.tensorFromHost("float32", new Float32Array(4), dims as never)).toThrow(ARGUMENT);
    expect(() => addon.tensorFromHost("float32", new DataView(new ArrayBuffer(16)) as never, [4])).toThrow(
      code("ERR_TENSOR_DTYPE"),
    );
    expect(() => addon.tensorFromHost("float32", undefined as never, [4])).toThrow(code("ERR_TENSOR_DTYPE"));
  });

  test("the data of a view on a part of a larger array is that part", () => {
    const all = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
    const tensor = Tensor.from("float32", all.subarray(2, 6), [4]);
    const view = tensor.view(1, [2]);
    expect([...view.data]).toEqual([3, 4]);
    expect([...view.view(1, [1]).data]).toEqual([4]);
    (view.data as Float32Array)[0] = 9;
    expect(all[3]).toBe(9);
  });
});

test("what must be text is not made text of by running JavaScript", async () => {
  const { addon } = loadAddon();
  const data = Float32Array.of(1);
  const tensor = four(1, 2, 3, 4);
  const calls: [string, (odd: never) => unknown, unknown][] = [
    ["a dtype of an array", (odd) => addon.tensorFromHost(odd, data, [1]), code("ERR_TENSOR_DTYPE")],
    ["a dtype of zeros", (odd) => addon.tensorOnHost(odd, [1]), code("ERR_TENSOR_DTYPE")],
    ["a dtype on a device", (odd) => addon.tensorOnDevice(odd, [1], "cpu" as never, nothing), code("ERR_TENSOR_DTYPE")],
    ["the name of what is read", (odd) => addon.downloadTensor(tensor, odd, false, nothing), ARGUMENT],
    ["a provider", (odd) => addon.describeSessionOptions({ provider: odd } as never), code("ERR_SESSION_OPTION")],
    [
      "an option",
      (odd) => addon.describeSessionOptions({ provider: "cpu", config: { "session.x": odd } } as never),
      code("ERR_SESSION_OPTION"),
    ],
    ["a library's path", (odd) => addon.preloadLibraries("cpu" as never, [odd], nothing), ARGUMENT],
    ["the runtime's path", (odd) => addon.useRuntime(odd), ARGUMENT],
    ["the path of crash notes", (odd) => new addon.CrashNotes(odd), ARGUMENT],
  ];
  const hostile = {
    toString: () => {
      throw new Error("JavaScript ran");
    },
  };
  for (const [what, call, refusal] of calls)
    for (const odd of [Symbol("s"), hostile, undefined, null, 7n])
      expect(() => call(odd as never), `${what}: ${typeof odd}`).toThrow(refusal as Error);
});
