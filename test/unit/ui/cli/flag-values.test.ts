// Readers of flag values: bounds and lists of devices.
import { expect, it } from "vitest";
import { faultText } from "../../../../src/errors/fault.js";
import { deviceList, FlagFault, integer, MOST_PORT } from "../../../../src/ui/cli/flags/flag-values.js";

const faultOf = (value: unknown): string | undefined =>
  value instanceof FlagFault ? faultText(value.fault) : undefined;

it("reads whole numbers within their bounds", () => {
  const port = integer("--port", 0, MOST_PORT);
  expect([port("0"), port("65535")]).toEqual([0, 65_535]);
  expect(faultOf(port("65536"))).toBe("--port: must be 65535 or less, not 65536");
  expect(faultOf(port("x"))).toBe('--port: must be a whole number of 0 or more, not "x"');
  expect(faultOf(integer("--seed")("9".repeat(20)))).toMatch(/must be 9007199254740991 or less, not 9{20}/);
  expect(faultOf(integer("--threads", 1)("-1"))).toBe("--threads: must be a whole number of 1 or more, not -1");
});

it("refuses a device that is named twice", () => {
  const read = deviceList("--devices");
  expect(read("cuda:0, cuda:1")).toEqual(["cuda:0", "cuda:1"]);
  expect(read("cpu,cpu")).toEqual(["cpu", "cpu"]); // two lanes
  expect(faultOf(read("cuda:0,cuda:0"))).toBe('--devices: "cuda:0" is named twice; name each device once');
});
