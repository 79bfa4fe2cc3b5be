// Measures the cost of publishing on a channel, with and without subscribers, against a function that does
// nothing; a time into a histogram; and the way of a task to a worker thread and back, with nothing and with 24 MiB.
import { TaskPool } from "../dist/colorization/tasks/pool.js";
import { CHANNELS } from "../dist/observe/channels.js";
import { Histogram } from "../dist/observe/histogram.js";
import { compare, report } from "./harness.mjs";

const CALLS = 1_000_000;
const LIMIT_NS = 100;
let seen = 0;

/** Nanoseconds a call. */
function nsOf(call) {
  const started = performance.now();
  for (let index = 0; index < CALLS; index++) call(index);
  return ((performance.now() - started) * 1e6) / CALLS;
}

const publish = (index) => {
  if (CHANNELS.task.isWatched)
    CHANNELS.task.publish({ task: "decode", outcome: "completed", waitMs: index, runMs: index, job: "j", page: "p" });
};
const histogram = new Histogram();
const telling = await compare({
  name: "telling",
  unit: "ns a call",
  rounds: 9,
  candidates: {
    "channel, nobody listens": async () => nsOf(publish),
    "an empty function": async () => nsOf((index) => void (seen += index & 1)),
    "channel, one listens": async () => {
      const end = CHANNELS.task.subscribe(({ runMs }) => void (seen += runMs & 1));
      try {
        return nsOf(publish);
      } finally {
        end();
      }
    },
    histogram: async () => nsOf((index) => histogram.record(index & 1023)),
  },
});

const pool = new TaskPool({ maxThreads: 1, minThreads: 1 });
const SIDE = 2896; // 2896 x 2896 x 3 bytes = 24 MiB
let results;
try {
  const hop = async (payload) => {
    const [task, make] = payload;
    const times = 50;
    const payloads = Array.from({ length: times }, make);
    const started = performance.now();
    for (const one of payloads) await pool.run(task, one);
    return (performance.now() - started) / times;
  };
  const picture = () => ({
    planes: new Float32Array(3),
    width: 1,
    height: 1,
    page: { width: SIDE, height: SIDE, channels: 3, data: new Uint8Array(SIDE * SIDE * 3) },
  });
  const small = () => ({ planes: new Float32Array(3), width: 1, height: 1 });
  results = await compare({
    name: "a task's way to a thread and back",
    unit: "ms",
    rounds: 9,
    candidates: {
      "1 pixel": () => hop(["finishPicture", small]),
      "1 pixel, 24 MiB moved along": () => hop(["finishPicture", picture]),
    },
  });
} finally {
  await pool.destroy();
}
report("observe", [telling, results], "build/bench");
if (seen < 0) throw new Error("unreachable: keeps the calls from being optimised away");
const idle = telling.rows[0].p10; // the rounds that the machine did not disturb
if (idle > LIMIT_NS) throw new Error(`an idle channel costs ${idle.toFixed(0)} ns a message; the limit is ${LIMIT_NS}`);
