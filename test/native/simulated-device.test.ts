/**
 * Devices as values, and CPU devices that behave like GPUs. Alone in its process: simulations change devices of the
 * whole process.
 */
import { afterEach, describe, expect, test } from "vitest";
import { Device, InferenceSession, Tensor } from "../../src/binding/index.js";
import { simulateDevice } from "../../src/binding/runtime/simulate.js";
import type { BatchProcessingError } from "../../src/errors.js";
import { doubling, sumAndProduct } from "../support/small-models.js";

const LANES = ["cpu", "cpu:1", "cpu:2"] as const;

afterEach(() => {
  for (const name of LANES) simulateDevice(name);
});

const four = (...values: number[]): Tensor => Tensor.from("float32", Float32Array.from(values), [1, 4]);

describe("devices", () => {
  test("are values with a kind, one object for each", () => {
    expect(Device.of("cpu")).toBe(Device.of("cpu"));
    expect(Device.of("cpu")).toMatchObject({ name: "cpu", kind: "cpu", index: 0, onHost: true, addressable: true });
    expect(Device.of("webgpu:0")).toMatchObject({ kind: "webgpu", index: 0, onHost: false, addressable: false });
    expect(JSON.stringify({ device: Device.of("cpu:2") })).toBe('{"device":"cpu:2"}');
  });

  test.each(["", "gpu:0", "cpu:", "cpu:-1", "cpu:1x", "cuda:12345", "CPU"])("no device is called %j", (name) => {
    expect(() => Device.of(name)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
  });

  test("sessions on two lanes run at the same time, each lane's in order", async () => {
    using first = await InferenceSession.create(sumAndProduct(), { deviceId: 1 });
    using second = await InferenceSession.create(sumAndProduct(), { deviceId: 2 });
    expect([first.device.name, second.device.name]).toEqual(["cpu:1", "cpu:2"]);
    for (const lane of ["cpu:1", "cpu:2"]) simulateDevice(lane, { waitMs: 300 });
    const [a, b] = [four(1, 2, 3, 4), four(1, 1, 1, 1)];
    await Promise.all([first.run({ a, b }), second.run({ a, b })]); // the first runs compute
    const before = performance.now();
    const ended: string[] = [];
    await Promise.all([
      first.run({ a, b }).then(() => ended.push("first")),
      second.run({ a, b }).then(() => ended.push("second")),
      first.run({ a, b }).then(() => ended.push("again")),
    ]);
    expect(performance.now() - before).toBeGreaterThan(590); // two of a lane follow one another
    expect(ended.at(-1)).toBe("again");
    expect(Device.of("cpu:1").figures().busyMs).toBeGreaterThan(590);
  });
});

describe("a limit of memory", () => {
  test("holds for tensors, with the error of a GPU; what is given back may be taken again", async () => {
    simulateDevice("cpu:1", { limitBytes: 1_000_000 });
    const device = Device.of("cpu:1");
    const [one, two] = [
      await Tensor.allocOn(device, "float32", [100_000]),
      await Tensor.allocOn(device, "float32", [100_000]),
    ];
    expect(device.figures()).toMatchObject({ allocatedBytes: 800_000 });
    await expect(Tensor.allocOn(device, "float32", [100_000])).rejects.toMatchObject({
      code: "ERR_OUT_OF_MEMORY",
      cause: { message: expect.stringContaining("cudaErrorMemoryAllocation") as string },
    });
    one.dispose();
    const three = await Tensor.allocOn(device, "float32", [100_000]);
    expect(await device.readLoad()).toEqual({ freeBytes: 200_000, totalBytes: 1_000_000 });
    for (const tensor of [two, three]) tensor.dispose();
    expect(device.figures().allocatedBytes).toBe(0);
  });

  test("holds for what runs compute with, and the session goes on where there is room", async () => {
    simulateDevice("cpu:2", { limitBytes: 3_000_000 });
    using session = await InferenceSession.create(doubling("float32"), { deviceId: 2 });
    const small = Tensor.alloc("float32", [100, 1000]);
    const large = Tensor.alloc("float32", [1000, 1000]);
    (await session.run({ x: small })).y!.dispose();
    await expect(session.run({ x: large })).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
    const { y } = await session.run({ x: small });
    expect(Device.of("cpu:2").figures().allocatedBytes).toBeGreaterThanOrEqual(400_000);
    y!.dispose();
    // Without a limit the same run succeeds: the limit was what failed it.
    simulateDevice("cpu:2");
    (await session.run({ x: large })).y!.dispose();
  });

  test("holds on its own lane only, and nothing stays counted when its sessions are gone", async () => {
    simulateDevice("cpu:1", { limitBytes: 100_000 });
    const x = Tensor.alloc("float32", [100, 1000]);
    {
      using narrow = await InferenceSession.create(doubling("float32"), { deviceId: 1 });
      using wide = await InferenceSession.create(doubling("float32"));
      await expect(narrow.run({ x })).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
      (await wide.run({ x })).y!.dispose();
    }
    await expect.poll(() => Device.of("cpu:1").figures().allocatedBytes).toBe(0);
  });
});

describe("waiting instead of computing", () => {
  test("takes the time, leaves the cores free, and gives what the first run of the shapes gave", async () => {
    using session = await InferenceSession.create(sumAndProduct());
    simulateDevice("cpu", { waitMs: 200 });
    const first = await session.run({ a: four(1, 2, 3, 4), b: four(5, 6, 7, 8) });
    const [cpu, wall] = [process.cpuUsage(), performance.now()];
    const later = await session.run({ a: four(0, 0, 0, 0), b: four(0, 0, 0, 0) });
    const ms = performance.now() - wall;
    const { user, system } = process.cpuUsage(cpu);
    expect([...later["sum"]!.data]).toEqual([6, 8, 10, 12]);
    expect([...later["product"]!.data]).toEqual([...first["product"]!.data]);
    expect(ms).toBeGreaterThanOrEqual(199);
    expect((user + system) / 1000).toBeLessThan(ms);
    const place = Tensor.alloc("float32", [1, 4]);
    await session.run({ a: four(9, 9, 9, 9), b: four(9, 9, 9, 9) }, { outputs: { sum: place } });
    await session.run({ a: four(0, 0, 0, 0), b: four(9, 9, 9, 9) }, { outputs: { sum: place } });
    expect([...place.data]).toEqual([18, 18, 18, 18]);
  });

  test("ends at once when it is cancelled", async () => {
    using session = await InferenceSession.create(sumAndProduct());
    const inputs = { a: four(1, 2, 3, 4), b: four(5, 6, 7, 8) };
    simulateDevice("cpu", { waitMs: 60_000 });
    await session.run(inputs);
    const stop = new AbortController();
    const run = session.run(inputs, { signal: stop.signal });
    setTimeout(() => {
      stop.abort("enough");
    }, 20);
    await expect(run).rejects.toBe("enough");
  });
});

describe("errors on demand", () => {
  const inputs = { a: four(1, 2, 3, 4), b: four(5, 6, 7, 8) };
  async function runThatFails(message: string): Promise<void> {
    using session = await InferenceSession.create(sumAndProduct());
    simulateDevice("cpu", { failures: { 1: message } });
    await session.run(inputs);
  }

  test.each([
    ["CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size); ", "ERR_OUT_OF_MEMORY"],
    ["CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", "ERR_OUT_OF_MEMORY"],
    ["CUDNN failure 4004: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0", "ERR_OUT_OF_MEMORY"],
    ["Failed to allocate memory for requested buffer of size 1038", "ERR_OUT_OF_MEMORY"],
    ["Available memory of 5 is smaller than requested bytes of 7", "ERR_OUT_OF_MEMORY"],
    ["IExecutionContext::enqueueV3: Error Code 5: Failed Allocation (x)", "ERR_OUT_OF_MEMORY"],
    ["CUDA failure 209: no kernel image is available ; GPU=0", "ERR_PROVIDER_UNAVAILABLE"],
    ["CUDA failure 35: CUDA driver version is insufficient", "ERR_PROVIDER_UNAVAILABLE"],
    ["CUDA failure 701: too many resources requested for launch", "ERR_RUN"],
    ["CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0", "ERR_RUN"],
    // The cause outweighs what it led to, whichever comes first.
    ["CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED; CUDA failure 700: an illegal address", "ERR_DEVICE_LOST"],
    ["CUDA failure 700: an illegal address; CUDA failure 2: out of memory", "ERR_DEVICE_LOST"],
    // Numbers are numbers: 7002 is not 700, and a node may be called anything.
    ["CUDA failure 7002: never heard of", "ERR_RUN"],
    ["Non-zero status code while running Add node. Name:'block700/illegal_memory'", "ERR_RUN"],
  ])("%s is %s", async (message, code) => {
    await expect(runThatFails(message)).rejects.toMatchObject({ code });
  });

  test.each([
    ["CUDA failure 209: no kernel image is available", /^the GPU must be of compute capability /],
    ["CUDA failure 214: an uncorrectable ECC error", /^reset the GPU /],
    ["CUDA failure 700: an illegal address", /^start the process again and run the same command/], // the table's
  ])("%s: what to do is the remedy, not the message", async (message, remedy) => {
    const error = (await runThatFails(message).catch((caught: unknown) => caught)) as BatchProcessingError;
    expect(error.remedy).toMatch(remedy);
    expect(error.message).not.toContain(error.remedy);
  });

  test.each([46, 214, 220, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999])(
    "CUDA %i loses the device: every later call on it fails at once, on others none",
    async (number) => {
      using session = await InferenceSession.create(sumAndProduct());
      using other = await InferenceSession.create(sumAndProduct(), { deviceId: 1 });
      simulateDevice("cpu", { failures: { 1: `CUDA failure ${number}: what it says ; GPU=0` }, waitMs: 60_000 });
      const lost = { code: "ERR_DEVICE_LOST", message: expect.stringContaining(`CUDA failure ${number}`) as string };
      await expect(session.run(inputs)).rejects.toMatchObject(lost);
      await expect(session.run(inputs)).rejects.toMatchObject(lost);
      await expect(Tensor.allocOn(Device.of("cpu"), "float32", [1])).rejects.toMatchObject(lost);
      await expect(inputs.a.copyTo(inputs.b)).rejects.toMatchObject(lost);
      await expect(InferenceSession.create(sumAndProduct())).rejects.toMatchObject(lost);
      await other.run(inputs);
    },
  );

  test("an error that is not sticky costs its own run only", async () => {
    using session = await InferenceSession.create(sumAndProduct());
    simulateDevice("cpu", { failures: { 2: "CUDA failure 2: out of memory" } });
    await session.run(inputs);
    await expect(session.run(inputs)).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
    await session.run(inputs);
  });
});

test("wrong simulations are refused", () => {
  const refused = expect.objectContaining({ code: "ERR_ARGUMENT" });
  expect(() => simulateDevice("webgpu:0", { waitMs: 1 })).toThrow(refused);
  expect(() => simulateDevice("cpu", { waitMs: -1 })).toThrow(refused);
  expect(() => simulateDevice("cpu", { limitBytes: "1" as unknown as number })).toThrow(refused);
  expect(() => simulateDevice("cpu", { failures: { one: "x" } as unknown as Record<number, string> })).toThrow(refused);
});
