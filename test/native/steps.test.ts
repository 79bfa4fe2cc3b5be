/** Loops of bound runs as one job: order, what changes with the steps, stopping, cancelling, failing. */
import { afterEach, expect, test } from "vitest";
import { InferenceSession, liveCounts, runSteps, Tensor, type Binding } from "../../src/binding/index.js";
import { simulateDevice } from "../../src/binding/runtime/simulate.js";
import { busy, sumAndProduct } from "../support/small-models.js";

afterEach(() => {
  simulateDevice("cpu");
});

const four = (...values: number[]): Tensor => {
  const tensor = Tensor.alloc("float32", [1, 4]);
  (tensor.data as Float32Array).set(values);
  return tensor;
};

/** x becomes x + b in turn between two tensors; `b` has a row a step. */
async function counter(): Promise<{
  rounds: Binding[][];
  sides: [Tensor, Tensor];
  b: Tensor;
  dispose: () => void;
}> {
  const session = await InferenceSession.create(sumAndProduct());
  const sides: [Tensor, Tensor] = [four(0, 0, 0, 0), four(0, 0, 0, 0)];
  const b = four(0, 0, 0, 0);
  const rounds = [
    [session.bind({ a: sides[0], b }, { sum: sides[1] })],
    [session.bind({ a: sides[1], b }, { sum: sides[0] })],
  ];
  return {
    rounds,
    sides,
    b,
    dispose: () => {
      for (const one of [...rounds.flat(), ...sides, b, session]) one.dispose();
    },
  };
}

const rowsOf = (steps: number): Float32Array =>
  Float32Array.from({ length: 4 * steps }, (_, i) => 10 ** (i % 4) * (1 + Math.floor(i / 4)));

test("steps take the rounds in turn, each with its own row; progress comes step by step, before the result", async () => {
  const { rounds, sides, b, dispose } = await counter();
  const told: number[] = [];
  const steps = runSteps({
    rounds,
    tables: [{ tensor: b, rows: rowsOf(5) }],
    steps: 5,
    onStep: (done) => told.push(done),
  });
  expect(await steps.done.then((done) => [...told, done])).toEqual([1, 2, 3, 4, 5, 5]);
  expect([...sides[1].data]).toEqual([15, 150, 1500, 15000]); // 1 + 2 + 3 + 4 + 5, after an odd number of steps
  // Going on with the number of the next step goes on with the right side.
  await runSteps({ rounds, tables: [{ tensor: b, rows: rowsOf(1) }], steps: 1, first: 5 }).done;
  expect([...sides[0].data]).toEqual([16, 160, 1600, 16000]);
  dispose();
});

test("stop lets the step in progress end, and a loop that waits its turn take none", async () => {
  const { rounds, sides, b, dispose } = await counter();
  simulateDevice("cpu", { waitMs: 30 });
  const loop = (steps: number, onStep?: (done: number) => void): ReturnType<typeof runSteps> =>
    runSteps({
      rounds,
      tables: [{ tensor: b, rows: rowsOf(steps) }],
      steps,
      ...(onStep === undefined ? {} : { onStep }),
    });
  const first = loop(100, (done) => {
    if (done === 3) first.stop();
  });
  const waiting = loop(100);
  waiting.stop();
  const taken = await first.done;
  expect(taken).toBeGreaterThanOrEqual(3);
  expect(taken).toBeLessThan(100);
  expect(await waiting.done).toBe(0);
  first.stop(); // over already
  expect(sides.some((side) => side.data[0] !== 0)).toBe(true);
  dispose();
});

test("a loop that yields ends after a step when other work waits, and goes on from there", async () => {
  const { rounds, sides, b, dispose } = await counter();
  const [one, two] = [four(1, 1, 1, 1), four(2, 2, 2, 2)];
  const steps = 200_000;
  const table = { tensor: b, rows: new Float32Array(4 * steps).fill(1) };
  const loop = runSteps({ rounds, tables: [table], steps, yields: true });
  using session = await InferenceSession.create(sumAndProduct()); // its making waits for the device too
  const taken = await loop.done;
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(steps);
  const { sum } = await session.run({ a: one, b: two }, { outputs: ["sum"] });
  expect([...sum!.data]).toEqual([3, 3, 3, 3]);
  const rest = runSteps({
    rounds,
    tables: [{ tensor: b, rows: table.rows.subarray(0, 12) }],
    steps: 3,
    first: taken,
    yields: true,
  });
  expect(await rest.done).toBe(3); // nothing waits
  expect(sides[(taken + 3) % 2]!.data[0]).toBe(taken + 3);
  for (const tensor of [one, two, sum!]) tensor.dispose();
  dispose();
});

test("aborting ends the run of the step in progress with the reason", async () => {
  using session = await InferenceSession.create(busy(), { intraOpThreads: 1 });
  const [rounds, x, y] = [
    Tensor.alloc("int64", []),
    Tensor.alloc("float32", [64, 64]),
    Tensor.alloc("float32", [64, 64]),
  ];
  using binding = session.bind({ rounds, x }, { y });
  const stop = new AbortController();
  const steps = runSteps({
    rounds: [[binding]],
    tables: [{ tensor: rounds, rows: BigInt64Array.of(1n, 1_000_000_000n) }],
    steps: 2,
    onStep: () => stop.abort("enough"),
    signal: stop.signal,
  });
  await expect(steps.done).rejects.toBe("enough");
});

test("a step that fails ends the loop; what was told before it is done", async () => {
  const { rounds, sides, b, dispose } = await counter();
  simulateDevice("cpu", { failures: { 3: "CUDA failure 2: out of memory" } });
  const told: number[] = [];
  const steps = runSteps({
    rounds,
    tables: [{ tensor: b, rows: rowsOf(5) }],
    steps: 5,
    onStep: (done) => told.push(done),
  });
  await expect(steps.done).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
  expect(told).toEqual([1, 2]);
  await runSteps({
    rounds,
    tables: [{ tensor: b, rows: rowsOf(5).subarray(8) }],
    steps: 3,
    first: 2,
  }).done;
  expect([...sides[1].data]).toEqual([15, 150, 1500, 15000]);
  dispose();
});

test("values that are not finite fail the step that gave them", async () => {
  const { rounds, b, dispose } = await counter();
  const rows = rowsOf(3);
  rows[5] = Number.NaN;
  const told: number[] = [];
  const steps = runSteps({
    rounds,
    tables: [{ tensor: b, rows }],
    steps: 3,
    finite: true,
    onStep: (done) => told.push(done),
  });
  await expect(steps.done).rejects.toMatchObject({ code: "ERR_MODEL_OUTPUT" });
  expect(told).toEqual([1]);
  dispose();
});

test("an array of JavaScript that is bound as an input is read when the loop starts", async () => {
  using session = await InferenceSession.create(sumAndProduct());
  const array = Float32Array.of(1, 2, 3, 4);
  const [a, sum] = [Tensor.from("float32", array, [1, 4]), four(0, 0, 0, 0)];
  using binding = session.bind({ a, b: a }, { sum });
  const { done } = runSteps({ rounds: [[binding]], tables: [], steps: 2 });
  array.fill(99);
  await done;
  expect([...sum.data]).toEqual([2, 4, 6, 8]);
});

test("what does not fit is refused before anything runs", async () => {
  const { rounds, b, dispose } = await counter();
  using other = await InferenceSession.create(sumAndProduct(), { deviceId: 1 });
  using elsewhere = other.bind({ a: b, b }, { sum: b });
  using session = await InferenceSession.create(sumAndProduct());
  using intoJs = session.bind({ a: b, b }, { sum: Tensor.from("float32", new Float32Array(4), [1, 4]) });
  const good = { rounds, tables: [{ tensor: b, rows: rowsOf(2) }], steps: 2 };
  const refused = async (change: Partial<Parameters<typeof runSteps>[0]>, code = "ERR_ARGUMENT"): Promise<void> => {
    await expect((async () => runSteps({ ...good, ...change }).done)()).rejects.toMatchObject({ code });
  };
  await refused({ steps: 3 }, "ERR_TENSOR_DIMS");
  await refused({ rounds: [] });
  await refused({ rounds: [[]] });
  await refused({ rounds: [[...good.rounds[0]!, elsewhere]] });
  await refused({ rounds: [[intoJs]] });
  await refused({ steps: -1 });
  await refused({ tables: [{ tensor: Tensor.from("float32", new Float32Array(4), [1, 4]), rows: rowsOf(2) }] });
  expect(await runSteps({ ...good, steps: 0, tables: [] }).done).toBe(0);
  dispose();
});

test("10,000 tiny loops, bindings and leased slices leave nothing behind", async () => {
  const { rounds, b, dispose } = await counter();
  const session = await InferenceSession.create(sumAndProduct());
  const array = Float32Array.of(1, 2, 3, 4);
  for (let round = 0; round < 100; round++) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const slice = await Tensor.upload(session, "float32", array, [1, 4]);
        expect(liveCounts().leases).toBeGreaterThan(0);
        slice.dispose();
        await runSteps({ rounds, tables: [{ tensor: b, rows: rowsOf(2) }], steps: 2 }).done;
      }),
    );
  }
  expect(session.device.figures()).toMatchObject({ leases: 0, leasedBytes: 0 });
  dispose();
  session.dispose();
  await expect.poll(() => liveCounts()).toMatchObject({ bindings: 0, runs: 0, leases: 0 });
});

test("arrays over shared memory are used in place, by steps, runs and views; what a plain array has is copied", async () => {
  const session = await InferenceSession.create(sumAndProduct());
  const shared = (): Float32Array => new Float32Array(new SharedArrayBuffer(16));
  const [input, output] = [shared(), shared()];
  const [a, sum] = [Tensor.from("float32", input, [1, 4]), Tensor.from("float32", output, [1, 4])];
  const b = four(10, 20, 30, 40);
  input.set([1, 2, 3, 4]);
  const rounds = [[session.bind({ a, b }, { sum })]];
  await runSteps({ rounds, tables: [], steps: 1 }).done;
  expect([...output]).toEqual([11, 22, 33, 44]);
  input.set([5, 6, 7, 8]);
  await session.run({ a, b }, { outputs: { sum } });
  expect([...output]).toEqual([15, 26, 37, 48]);
  using part = sum.view(1, [1, 2]);
  output[1] = 99;
  expect([...part.data]).toEqual([99, 37]);
  const plain = Tensor.from("float32", new Float32Array(4), [1, 4]);
  const refused = [[session.bind({ a, b }, { sum: plain })]];
  await expect(runSteps({ rounds: refused, tables: [], steps: 1 }).done).rejects.toThrow(/no arrays of JavaScript/u);
  for (const one of [...rounds.flat(), ...refused.flat(), a, b, sum, plain, session]) one.dispose();
});

test("a solver whose tensors do not fit, or that another one owns, is refused before anything runs", async () => {
  const { rounds, sides, b, dispose } = await counter();
  const latent = (): Tensor => Tensor.alloc("float32", [2, 4]);
  const good = {
    prediction: "epsilon" as const,
    latent: latent(),
    output: latent(),
    previous: latent(),
    next: latent(),
    clean: latent(),
    coefficients: Tensor.alloc("float64", [5, 2]),
    choice: Tensor.alloc("int32", [2]),
  };
  const tables = [{ tensor: b, rows: rowsOf(1) }];
  const start = async (...solvers: (typeof good)[]): Promise<number> =>
    runSteps({ rounds, solvers, tables, steps: 1 }).done;
  const refused = (part: object, code: string): Promise<void> =>
    expect(start({ ...good, ...part }, good)).rejects.toMatchObject({ code });
  await refused({ next: four(0, 0, 0, 0) }, "ERR_TENSOR_DIMS");
  await refused({ choice: Tensor.alloc("int32", [3]) }, "ERR_TENSOR_DIMS");
  await refused({ coefficients: Tensor.alloc("float32", [5, 2]) }, "ERR_TENSOR_DTYPE");
  await refused({ clean: Tensor.from("float32", new Float32Array(8), [2, 4]) }, "ERR_ARGUMENT");
  await refused({ prediction: "noise" }, "ERR_ARGUMENT");
  await expect(start(good)).rejects.toMatchObject({ code: "ERR_ARGUMENT" }); // two rounds
  const gone = latent();
  gone.dispose();
  await refused({ latent: gone }, "ERR_DISPOSED");
  expect([...sides[1].data]).toEqual([0, 0, 0, 0]);
  dispose();
});

test("latents of the solver that are not finite fail the steps", async () => {
  const { rounds, b, dispose } = await counter();
  const latent = (...values: number[]): Tensor => four(...values);
  const solver = {
    prediction: "sample" as const,
    latent: latent(1, 2, 3, 4),
    output: latent(1, 2, Number.NaN, 4),
    previous: latent(0, 0, 0, 0),
    next: latent(0, 0, 0, 0),
    clean: latent(0, 0, 0, 0),
    coefficients: Tensor.alloc("float64", [5, 1]),
    choice: Tensor.alloc("int32", [1]),
  };
  const tables = [{ tensor: b, rows: rowsOf(1) }];
  const run = (finite: boolean): Promise<number> =>
    runSteps({ rounds, solvers: [solver, solver], tables, steps: 1, finite }).done;
  await expect(run(true)).rejects.toMatchObject({ code: "ERR_MODEL_OUTPUT" });
  expect(await run(false)).toBe(1);
  dispose();
});
