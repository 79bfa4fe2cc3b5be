/** What a program's own sources, sinks and callbacks give a batch is checked at one door; what they throw passes. */
import { beforeAll, expect, it } from "vitest";
import { runBatch, type RunBatchOptions } from "../../../src/core/run-batch.js";
import type { BatchSummary } from "../../../src/core/events.js";
import { memorySink } from "../../../src/io/memory-sink.js";
import { memorySource } from "../../../src/io/memory-source.js";
import { colourPage, linePage } from "../../support/chapter.js";
import { paperEngine } from "../../support/paper-engine.js";

let page: Uint8Array;
let reference: Uint8Array;

beforeAll(async () => {
  page = await linePage(1);
  reference = await colourPage(1);
});

const source = () => memorySource([{ name: "1.png", bytes: page }]);
const references = () => memorySource([{ name: "r.png", bytes: reference }]);

function run(options: RunBatchOptions): Promise<BatchSummary> {
  return runBatch(
    paperEngine(),
    { numInferenceSteps: 1 },
    { source: source(), references: references(), sink: memorySink(), ...options },
  );
}

/** The part with another value in one place. */
function bent<Part extends object>(part: Part, key: PropertyKey, value: unknown): Part {
  return new Proxy(part, {
    get(target, name) {
      if (name === key) return value;
      const own: unknown = Reflect.get(target, name, target);
      return typeof own === "function" ? (own.bind(target) as unknown) : own;
    },
  });
}

const GARBAGE = {
  nothing: () => undefined,
  "a promise of nothing": async () => null,
  "a rejecting promise": () => Promise.reject(new Error("unseen")),
  "a number": () => 7,
  "an empty object": () => ({}),
  text: () => "x",
  "a list of garbage": () => [1, null, {}],
  "no function": 5,
};

const CASES = Object.entries(GARBAGE).flatMap(([what, value]) =>
  (["source", "references"] as const).flatMap((part) =>
    ["entries", "faults", "warnings"].map((key) => [`${part}.${key}`, what, part, key, value] as const),
  ),
);

it.each(CASES)("%s that gives %s is ERR_ARGUMENT", async (_, _what, part, key, value) => {
  const made = part === "source" ? source() : references();
  await expect(run({ [part]: bent(made, key, value) })).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
    message: expect.stringContaining(part),
  });
});

it.each(["name", "kind", "sizeBytes", "read", "version"])("an entry whose %s is wrong is ERR_ARGUMENT", async (key) => {
  const made = source();
  const entries = made.entries().map((entry) => bent(entry, key, { not: "this" }));
  await expect(run({ source: bent(made, "entries", () => entries) })).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
    message: expect.stringContaining(key),
  });
});

it("a page or a reference whose bytes are none names what was given", async () => {
  const made = references();
  const entries = made.entries().map((entry) => bent(entry, "read", async () => "text"));
  await expect(run({ references: bent(made, "entries", () => entries) })).rejects.toThrow(
    /read\(\) of the entry "r\.png" gives is "text"; it must be a Uint8Array/u,
  );
});

it.each(["write", "finish"])("a sink whose %s gives no place is ERR_ARGUMENT", async (method) => {
  await expect(run({ sink: bent(memorySink(), method, async () => 7) })).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
    message: expect.stringContaining(`sink.${method}() gives is 7`),
  });
});

it("a sink may say nothing of where it wrote", async () => {
  const { completed } = await run({
    sink: bent(memorySink(), "finish", async () => ""),
  });
  expect(completed).toBe(1);
});

it.each([undefined, null, "x", 3, []])("a pageConfig that gives %s is ERR_ARGUMENT", async (value) => {
  await expect(run({ pageConfig: () => value as never })).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
    message: expect.stringMatching(/^what pageConfig gives for "1\.png" is /u),
  });
});

it("a pageConfig that gives a promise is told so", async () => {
  await expect(run({ pageConfig: (async () => ({ seed: 1 })) as never })).rejects.toMatchObject({
    code: "ERR_ARGUMENT",
    message: expect.stringContaining("not a promise"),
  });
});

it("what a part throws passes as it is", async () => {
  const fault = new Error("the program's own");
  const thrower = (): never => {
    throw fault;
  };
  for (const options of [
    { source: bent(source(), "entries", thrower) },
    { sink: bent(memorySink(), "write", thrower) },
    { pageConfig: thrower },
    { onEvent: thrower },
  ])
    await expect(run(options)).rejects.toBe(fault);
});

it("rejects with the first rejection of an async onEvent, and leaves none unhandled", async () => {
  const unhandled: unknown[] = [];
  const see = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", see);
  const faults: Error[] = [];
  const onEvent = async ({ type }: { type: string }): Promise<never> => {
    const fault = new Error(type);
    faults.push(fault);
    throw fault;
  };
  try {
    const reason: unknown = await run({ onEvent }).catch((error: unknown) => error);
    await new Promise(setImmediate);
    expect(reason).toBeInstanceOf(Error);
    expect(reason).toBe(faults[0]);
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", see);
  }
});
