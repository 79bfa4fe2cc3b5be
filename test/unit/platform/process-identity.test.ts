// Whether a process is there, and what it left: certain only within one boot and one PID namespace.
import { describe, expect, it } from "vitest";
import { isLeftOver, livenessOf, thisProcess } from "../../../src/platform/process-identity.js";

describe("livenessOf", () => {
  const holder = { boot: "b", namespace: "n", pid: 7, start: "100" };
  const view = (start: string | undefined) => ({
    boot: "b",
    namespace: "n",
    exists: () => start !== undefined,
    startOf: () => start ?? "",
  });
  it.each([
    ["a living process", holder, "100", "alive"],
    ["one that is gone", holder, undefined, "gone"],
    ["one whose number was given to another process", holder, "200", "gone"],
    ["one whose start cannot be read", holder, "", "unknown"],
    ["one of another boot, or another machine", { ...holder, boot: "a" }, "100", "unknown"],
    ["one of another container with the same number", { ...holder, namespace: "m" }, undefined, "unknown"],
    ["one where the system does not tell the boot", { ...holder, boot: "" }, "100", "unknown"],
  ])("of %s", (_what, who, start, expected) => {
    expect(livenessOf(who, view(start))).toBe(expected);
  });

  it("knows this process", () => {
    expect(livenessOf(thisProcess())).toBe("alive");
    expect(livenessOf({ ...thisProcess(), start: "1" })).toBe("gone");
  });
});

describe("isLeftOver", () => {
  it.each([
    ["gone", 0, true],
    ["alive", 1e12, false],
    ["unknown", 23 * 3600e3, false],
    ["unknown", 25 * 3600e3, true],
  ] as const)("%s, %d ms old: %s", (liveness, age, expected) => {
    expect(isLeftOver(liveness, age)).toBe(expected);
  });
});
