/**
 * Ends in the middle of things: of the process, of worker threads, beside onnxruntime-node. Each in a process of its
 * own.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
// @ts-expect-error a build script without types
import { renameInElf as rename } from "../../scripts/lib/elf.mjs";
import { modelFolder, runFixture } from "../support/child.js";
import { peerMissing } from "../support/peer.js";
import { busy, sumAndProduct } from "../support/small-models.js";

const renameInElf = rename as (elf: Buffer, from: string, to: string) => void;

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
  const NOTHING = { environments: 1, sessions: 0, runs: 0, bindings: 0, leases: 0 };

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

/**
 * The peer with the symbol version of another release, library and binding: what onnxruntime-node of that release is to
 * the loader.
 */
function peerOfAnotherVersion(): { folder: string; remove: () => void } {
  const peer = process.env["COBRA_PEER_ORT_NODE"] ?? "";
  const root = mkdtempSync(join(tmpdir(), "cobra-peer-"));
  const folder = join(root, "onnxruntime-node");
  cpSync(peer, folder, { recursive: true });
  cpSync(join(peer, "../node_modules"), join(root, "node_modules"), { recursive: true });
  for (const file of ["libonnxruntime.so.1", "onnxruntime_binding.node"]) {
    const path = join(folder, "bin/napi-v6/linux/x64", file);
    const elf = readFileSync(path);
    renameInElf(elf, "VERS_1.29.0", "VERS_1.30.0");
    writeFileSync(path, elf);
  }
  return {
    folder,
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

describe.skipIf(peerMissing)(`beside onnxruntime-node${peerMissing ? ` (skipped: ${peerMissing})` : ""}`, () => {
  test.each(["ours", "peer"])("both run at the same time in one process, %s loaded first", async (first) => {
    const peer = process.env["COBRA_PEER_ORT_NODE"] ?? "";
    const { code, stdout } = await runFixture("teardown/fixtures/beside-peer.mjs", {
      args: [models.path("sum"), peer, first],
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "100" });
  });

  test.each(["ours", "peer"])("and where the peer is of another version, %s loaded first", async (first) => {
    const { folder, remove } = peerOfAnotherVersion();
    try {
      const { code, stdout, stderr } = await runFixture("teardown/fixtures/beside-peer.mjs", {
        args: [models.path("sum"), folder, first],
      });
      expect({ code, stdout, stderr: stderr.replaceAll(/^.*warning.*$/gm, "") }).toEqual({
        code: 0,
        stdout: "100",
        stderr: "",
      });
    } finally {
      remove();
    }
  });
});
