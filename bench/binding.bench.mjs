// The addon against onnxruntime-node in one process: call overhead, a large tensor, a chain of three sessions, and how
// long the event loop stands still while a model runs. Both use the same ONNX Runtime, the same models and the same
// threads.
import { createRequire } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { InferenceSession, Tensor } from "../dist/binding/index.js";
import { GraphBuilder } from "../dist/onnx/graph-builder.js";
import { modelBytes } from "../dist/onnx/model-file.js";
import { compare, report } from "./harness.mjs";

const peerPath = process.env.COBRA_PEER_ORT_NODE;
if (!peerPath)
  throw new Error("onnxruntime-node is not staged (COBRA_ORT_SDK is in use?); run this through `npm run bench`");
const peer = createRequire(import.meta.url)(peerPath);
const THREADS = 1;
const peerOptions = { intraOpNumThreads: THREADS, interOpNumThreads: THREADS };
const ourOptions = { intraOpThreads: THREADS, interOpThreads: THREADS };

/** y = x + 1, any length. */
function increment() {
  const g = new GraphBuilder("increment");
  const x = g.input("x", "float32", ["n"]);
  g.output("y", g.node("Add", [x, g.float(1, "float32")]), "float32", ["n"]);
  return modelBytes(g.build());
}

/** A chain of matrix products that keeps a core busy. */
function busy(depth) {
  const g = new GraphBuilder("busy");
  const x = g.input("x", "float32", [512, 512]);
  let value = x;
  for (let i = 0; i < depth; i++) value = g.node("MatMul", [value, x]);
  g.output("y", value, "float32", [512, 512]);
  return modelBytes(g.build());
}

async function perRun(count, run) {
  const started = performance.now();
  for (let i = 0; i < count; i++) await run();
  return ((performance.now() - started) * 1000) / count;
}

function check(name, actual, expected) {
  if (Math.abs(actual - expected) > 1e-6) throw new Error(`${name}: ${actual} instead of ${expected}`);
}

const model = increment();
const results = [];

{
  const ours = await InferenceSession.create(model, ourOptions);
  const theirs = await peer.InferenceSession.create(model, peerOptions);
  const data = new Float32Array(16);
  const input = Tensor.from("float32", data, [16]);
  const output = Tensor.from("float32", new Float32Array(16), [16]);
  const bound = ours.bind({ x: input }, { y: output });
  const peerInput = new peer.Tensor("float32", data, [16]);
  const count = 500;
  await bound.run();
  check("bound run", output.data[0], 1);
  results.push(
    await compare({
      name: "call overhead, 64 bytes",
      unit: "µs a run",
      rounds: 15,
      candidates: {
        "ours, run()": () => perRun(count, async () => (await ours.run({ x: input })).y.dispose()),
        "onnxruntime-node": () => perRun(count, () => theirs.run({ x: peerInput })),
        "ours, pre-bound": () => perRun(count, () => bound.run()),
      },
    }),
  );
  bound.dispose();
  ours.dispose();
  await theirs.release();
}

{
  const elements = (32 * 2 ** 20) / 4;
  const data = new Float32Array(elements).fill(2);
  const ours = await InferenceSession.create(model, ourOptions);
  const theirs = await peer.InferenceSession.create(model, peerOptions);
  const input = Tensor.from("float32", data, [elements]);
  const peerInput = new peer.Tensor("float32", data, [elements]);
  const target = Tensor.from("float32", new Float32Array(elements), [elements]);
  const runOurs = async () => {
    const { y } = await ours.run({ x: input });
    check("large tensor", y.data[elements - 1], 3);
    y.dispose();
  };
  results.push(
    await compare({
      name: "32 MiB in, 32 MiB out",
      unit: "ms a run",
      rounds: 15,
      candidates: {
        "ours, run()": async () => (await perRun(3, runOurs)) / 1000,
        "onnxruntime-node": async () =>
          (await perRun(3, async () => {
            const { y } = await theirs.run({ x: peerInput });
            check("large tensor, peer", y.data[elements - 1], 3);
          })) / 1000,
        "ours, into given memory": async () =>
          (await perRun(3, () => ours.run({ x: input }, { outputs: { y: target } }))) / 1000,
      },
    }),
  );
  const ourChain = [
    ours,
    await InferenceSession.create(model, ourOptions),
    await InferenceSession.create(model, ourOptions),
  ];
  const theirChain = [
    theirs,
    await peer.InferenceSession.create(model, peerOptions),
    await peer.InferenceSession.create(model, peerOptions),
  ];
  results.push(
    await compare({
      name: "chain of three sessions, 32 MiB",
      unit: "ms a chain",
      rounds: 10,
      candidates: {
        ours: async () =>
          (await perRun(1, async () => {
            let value = input;
            for (const session of ourChain) {
              const { y } = await session.run({ x: value }, { keepOnDevice: true });
              if (value !== input) value.dispose();
              value = y;
            }
            check("chain", value.data[0], 5);
            value.dispose();
          })) / 1000,
        "onnxruntime-node": async () =>
          (await perRun(1, async () => {
            let value = peerInput;
            for (const session of theirChain) value = (await session.run({ x: value })).y;
            check("chain, peer", value.data[0], 5);
          })) / 1000,
      },
    }),
  );
  for (const session of ourChain) session.dispose();
  for (const session of theirChain) await session.release();
}

{
  const model512 = busy(60);
  const data = new Float32Array(512 * 512).fill(1 / 512);
  const ours = await InferenceSession.create(model512, ourOptions);
  const theirs = await peer.InferenceSession.create(model512, peerOptions);
  const input = Tensor.from("float32", data, [512, 512]);
  const peerInput = new peer.Tensor("float32", data, [512, 512]);
  const worstDelay = async (run) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await new Promise((resolve) => setTimeout(resolve, 10)); // the monitor measures from its second tick on
    delay.reset();
    const started = performance.now();
    await run();
    const ranMs = performance.now() - started;
    await new Promise((resolve) => setTimeout(resolve, 5));
    delay.disable();
    return Math.max(0.001, (Math.min(delay.max / 1e6, ranMs) / ranMs) * 100);
  };
  results.push(
    await compare({
      name: "event loop standing still during a run",
      unit: "% of the run",
      rounds: 7,
      candidates: {
        ours: () => worstDelay(async () => (await ours.run({ x: input })).y.dispose()),
        "onnxruntime-node": () => worstDelay(() => theirs.run({ x: peerInput })),
      },
    }),
  );
  ours.dispose();
  await theirs.release();
}

report("binding", results, "build/bench");
