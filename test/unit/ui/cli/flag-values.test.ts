// Readers of flag values: bounds and lists of devices.
import type { Command } from "commander";
import { expect, it } from "vitest";
import { faultText } from "../../../../src/errors/fault.js";
import { deviceList, FlagFault, integer, MOST_PORT, positive } from "../../../../src/ui/cli/flags/flag-values.js";
import { createProgram } from "../../../../src/ui/cli/program.js";

const faultOf = (value: unknown): string | undefined =>
  value instanceof FlagFault ? faultText(value.fault) : undefined;

it("reads whole numbers within their bounds", () => {
  const port = integer("--port", 0, MOST_PORT);
  expect([port("0"), port("65535")]).toEqual([0, 65_535]);
  expect(faultOf(port("65536"))).toBe("--port: must be a whole number from 0 to 65535, not 65536");
  expect(faultOf(port("x"))).toBe('--port: must be a whole number from 0 to 65535, not "x"');
  expect(faultOf(integer("--seed")("9".repeat(20)))).toMatch(
    /must be a whole number from 0 to 9007199254740991, not 9{20}/,
  );
  expect(faultOf(integer("--threads", 1)("-1"))).toBe("--threads: must be a whole number of 1 or more, not -1");
});

it("refuses a device that is named twice", () => {
  const read = deviceList("--devices");
  expect(read("cuda:0, cuda:1")).toEqual(["cuda:0", "cuda:1"]);
  expect(read("cpu,cpu")).toEqual(["cpu", "cpu"]); // two lanes
  expect(faultOf(read("cuda:0,cuda:0"))).toBe('--devices: "cuda:0" is named twice; name each device once');
});

it("refuses 0 where it has no meaning", () => {
  expect(positive("--every")("0.5")).toBe(0.5);
  expect(faultOf(positive("--every")("0"))).toBe("--every: must be more than 0, such as 0.5, not 0");
});

/** What a command line comes to before its command begins. */
async function refusal(...args: string[]): Promise<string> {
  const program = createProgram();
  const silence = (command: Command): void => {
    command.configureOutput({ writeErr: () => {} });
    command.commands.forEach(silence);
  };
  silence(program);
  return program.parseAsync(args, { from: "user" }).then(
    () => "it began",
    (error: unknown) => (error as Error).message,
  );
}

it.each([
  [["colorize", "x", "--log-file"], "--log-file"],
  [["watch", "x", "--done"], "--done"],
  [["submit", "--from-file"], "--from-file"],
  [["redo", "x.cbz"], "page"],
  [["classify", "a"], "input"],
  [["bench", "--input"], "--input"],
  [["serve", "--token"], "--token"],
  [["tune", "compare", "a"], "second"],
  [["model", "untrained", "--out"], "--out"],
])("refuses an empty value, as of a variable that is not set: %j", async (line, name) => {
  expect(await refusal(...line, "")).toContain(`error: ${name}: must not be empty, not ""; name one`);
});

it.each([
  [["colorize", "x", "--metrics-port", "99999"], "--metrics-port: must be a whole number from 0 to 65535, not 99999"],
  [["redo", "x", "1.png", "--log-level", "bogus"], '--log-level: must be "DEBUG"'],
  [["worker", "--threads", "-1"], "--threads: must be"],
])("refuses a value of a flag before anything is done with it: %j", async (line, rule) => {
  expect(await refusal(...line)).toContain(rule);
});
