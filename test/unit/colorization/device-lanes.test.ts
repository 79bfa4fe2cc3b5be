// Which devices an engine has, and which of them a page goes to.
import { afterEach, describe, expect, it, vi } from "vitest";
import { chooseLane } from "../../../src/colorization/devices/device-lanes.js";
import { deviceSessions, hasOwnMemory } from "../../../src/colorization/devices/device-names.js";

afterEach(() => vi.unstubAllEnvs());

const names = (devices: "all" | string[], session = {}): string[] =>
  deviceSessions({ devices, session }).map(({ name }) => name);

describe("chooseLane", () => {
  it.each([
    [
      "the one with the fewest pages",
      [
        [2, 0],
        [1, 0],
        [3, 0],
      ],
      1,
    ],
    [
      "the first of equals",
      [
        [1, 0],
        [1, 0],
      ],
      0,
    ],
    [
      "the one with the references among equals",
      [
        [1, 0],
        [1, 5],
      ],
      1,
    ],
    [
      "the one with the references beside one with a page less",
      [
        [2, 5],
        [1, 0],
      ],
      0,
    ],
    [
      "another one when that has two pages less",
      [
        [3, 5],
        [1, 0],
      ],
      1,
    ],
  ])("takes %s", (_rule, lanes, expected) => {
    expect(chooseLane(lanes.map(([inFlight, heldBytes]) => ({ inFlight: inFlight!, heldBytes: heldBytes! })))).toBe(
      expected,
    );
  });
});

describe("devices", () => {
  it("are the one of the session where none are named", () => {
    expect(deviceSessions({})).toEqual([{ name: "cpu", session: {} }]);
    expect(deviceSessions({ session: { provider: "cuda", deviceId: 1 } })[0]!.name).toBe("cuda:1");
  });

  it("have names and numbers, and keep the rest of the session", () => {
    expect(deviceSessions({ devices: ["cuda:0", "cuda:3"], session: { intraOpThreads: 2 } })).toEqual([
      { name: "cuda:0", session: { provider: "cuda", deviceId: 0, intraOpThreads: 2 } },
      { name: "cuda:3", session: { provider: "cuda", deviceId: 3, intraOpThreads: 2 } },
    ]);
    expect(deviceSessions({ devices: ["cuda:1"], session: { provider: "tensorrt" } })[0]!.session.provider).toBe(
      "tensorrt",
    );
  });

  it("on one processor are lanes with numbers", () => {
    expect(names(["cpu", "cpu", "cpu:1", "cpu"])).toEqual(["cpu", "cpu:1", "cpu:2", "cpu:3"]);
  });

  it.each([
    ["0,1", ["cuda:0", "cuda:1"]],
    ["3", ["cuda:0"]],
    ["GPU-8932f937-d72c-4106-c12f-20bd9faed9f6,1", ["cuda:0", "cuda:1"]],
    ["0,-1,1", ["cuda:0"]],
  ])("are all that CUDA_VISIBLE_DEVICES=%s leaves", (visible, expected) => {
    vi.stubEnv("CUDA_VISIBLE_DEVICES", visible);
    expect(names("all")).toEqual(expected);
  });

  it.each(["", "-1"])("are an error where CUDA_VISIBLE_DEVICES=%j leaves none", (visible) => {
    vi.stubEnv("CUDA_VISIBLE_DEVICES", visible);
    expect(() => names("all")).toThrow(
      expect.objectContaining({
        code: "ERR_PROVIDER_UNAVAILABLE",
        remedy: expect.stringContaining("name devices") as string,
      }),
    );
  });

  it.each(["gpu", "cuda:", "cuda:x", "cuda:12345", "CPU", "all,cpu"])("refuse the name %j", (name) => {
    expect(() => names([name])).toThrow(expect.objectContaining({ code: "ERR_SESSION_OPTION" }));
  });

  it("have books of their own on a GPU, or with a limit", () => {
    expect(hasOwnMemory({}, {})).toBe(false);
    expect(hasOwnMemory({ provider: "cuda" }, {})).toBe(true);
    expect(hasOwnMemory({}, { deviceMemoryBytes: 1 })).toBe(true);
  });
});
