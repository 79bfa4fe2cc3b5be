// The gate that a batch waits at: who may decide when, and which settings follow.
import { describe, expect, it } from "vitest";
import { PreviewGate, settingsOfNextTry } from "../../../../src/core/preview/preview.js";
import type { PreviewResult } from "../../../../src/core/events.js";

const result: PreviewResult = {
  pages: [],
  failures: [],
  settings: { style: "line", seed: 4, numInferenceSteps: 2, topK: 3, ink: "page" },
};
const grid: PreviewResult = {
  ...result,
  seeds: { sheet: "s.png", pictures: [4, 5, 6].map((seed) => ({ page: "p", seed, output: `${seed}.png` })) },
};

describe("PreviewGate", () => {
  it("raises ERR_STATE for a decision while no preview waits: before, after one decision, after leaving", async () => {
    const gate = new PreviewGate();
    const misuse = (): void => {
      for (const decide of [() => gate.approve(), () => gate.reject()])
        expect(decide).toThrow(expect.objectContaining({ name: "BatchProcessingError", code: "ERR_STATE" }));
    };
    misuse();
    const deciding = gate.wait(result);
    expect(gate.waiting).toBe(true);
    gate.approve();
    misuse();
    expect(await deciding).toEqual({ type: "approve" });
    const left = gate.wait(result);
    gate.leave();
    gate.leave();
    misuse();
    expect([await left, gate.left, gate.result]).toEqual([undefined, result, result]);
  });

  it("takes a seed of a grid only if it is shown, and then needs one", async () => {
    const gate = new PreviewGate();
    const deciding = gate.wait(grid);
    for (const seed of [undefined, 7])
      expect(() => gate.approve(seed)).toThrow(
        expect.objectContaining({ code: "ERR_ARGUMENT", message: expect.stringContaining("4, 5, 6") as string }),
      );
    gate.approve(5);
    expect(await deciding).toEqual({ type: "approve", seed: 5 });
    void gate.wait(result);
    expect(() => gate.approve(5)).toThrow(/no seeds to choose from/);
  });

  it("rejects with the given settings, else with the next seed: the same settings would give the same picture", async () => {
    const gate = new PreviewGate();
    const deciding = gate.wait(result);
    gate.reject({ topK: 1 });
    expect(await deciding).toEqual({ type: "reject", settings: { topK: 1 } });
    expect([settingsOfNextTry(result), settingsOfNextTry(grid), settingsOfNextTry(result, { seed: 0 })]).toEqual([
      { seed: 5 },
      { seed: 7 },
      { seed: 0 },
    ]);
  });
});
