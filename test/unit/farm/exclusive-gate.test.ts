// A page that may crash its worker runs alone.
import { describe, expect, it } from "vitest";
import { ExclusiveGate } from "../../../src/farm/queue/exclusive-gate.js";

describe("ExclusiveGate", () => {
  it("runs pages beside one another, and one that may crash alone, in their order", async () => {
    const gate = new ExclusiveGate();
    const told: string[] = [];
    const work = (name: string, alone: boolean): Promise<void> =>
      gate.run(alone, async () => {
        told.push(`+${name}`);
        await new Promise((resolve) => setImmediate(resolve));
        told.push(`-${name}`);
      });
    await Promise.all([work("a", false), work("b", false), work("c", true), work("d", false)]);
    expect(told.join(" ")).toBe("+a +b -a -b +c -c +d -d");
  });
});
