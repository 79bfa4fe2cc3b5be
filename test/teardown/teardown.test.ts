/**
 * Ends in the middle of things: of the process, of worker threads, beside onnxruntime-node. Each in a process of its
 * own.
 */
import { afterAll, describe, expect, test } from "vitest";
import { modelFolder, runFixture } from "../support/child.js";
import { peerMissing } from "../support/peer.js";
import { busy, sumAndProduct } from "../support/small-models.js";

const models = modelFolder({ busy: busy(), sum: sumAndProduct() });
afterAll(models.remove);

describe("a process that ends while a model runs and more is queued", () => {
  const end = (how: string): ReturnType<typeof runFixture> =>
    runFixture("teardown/fixtures/process-end.mjs", { args: [models.path("busy"), how] });

  test.each([
    ["exit", 7],
    ["create", 7],
    ["load", 7],
    ["throw", 1],
  ])("by %s ends with code %d, every time", async (how, code) => {
    for (let time = 0; time < 3; time++) {
      const result = await end(how);
      expect(result).toMatchObject({ code, signal: null, stdout: "started\n" });
      if (how !== "throw") expect(result.stderr).toBe("");
    }
  });

  test("does not end by itself before the runs are over", async () => {
    expect(await end("wait")).toEqual({ code: 0, signal: null, stdout: "started\nfinished\n", stderr: "" });
  });
});

describe("worker threads", () => {
  const NOTHING = { environments: 1, sessions: 0, runs: 0, bindings: 0 };

  test.each(["exit", "terminate", "throw"])(
    "that end by %s while their model runs leave nothing behind, and the main thread's session works on",
    async (how) => {
      const { code, stdout, stderr } = await runFixture("teardown/fixtures/worker-end.mjs", {
        args: [models.path("busy"), how, "5"],
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toEqual(NOTHING);
    },
  );

  test("terminated at any moment of very many small runs, copies, aborts and loads leave nothing behind", async () => {
    const { code, stdout, stderr } = await runFixture("teardown/fixtures/worker-storm.mjs", {
      args: [models.path("sum"), "25"],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({ ...NOTHING, tensors: 0 });
  });

  test("do not keep the process from exiting while their model runs", async () => {
    for (let time = 0; time < 3; time++) {
      expect(
        await runFixture("teardown/fixtures/worker-end.mjs", { args: [models.path("busy"), "main-exit", "1"] }),
      ).toEqual({ code: 7, signal: null, stdout: "", stderr: "" });
    }
  });

  test("and the main thread run sessions at the same time", async () => {
    const { code, stdout, stderr } = await runFixture("teardown/fixtures/worker-crowd.mjs", {
      args: [models.path("sum"), "4", "100"],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({ wrong: [0, 0, 0, 0, 0], live: { ...NOTHING, tensors: 0 } });
  });
});

describe.skipIf(peerMissing)(`beside onnxruntime-node${peerMissing ? ` (skipped: ${peerMissing})` : ""}`, () => {
  test.each(["ours", "peer"])("both run at the same time in one process, %s loaded first", async (first) => {
    const peer = process.env["COBRA_PEER_ORT_NODE"] ?? "";
    const { code, stdout } = await runFixture("teardown/fixtures/beside-peer.mjs", {
      args: [models.path("sum"), peer, first],
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "100" });
  });
});
