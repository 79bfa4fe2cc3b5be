/**
 * Readers of flag values. A value that cannot be read is kept as a `FlagFault`, so that all faults are reported at
 * once.
 */
import type { Command } from "commander";
import { parseDeviceName } from "../../../binding/runtime/providers.js";
import { faultText, type Fault } from "../../../errors/fault.js";
import { noticeOf } from "../../../errors/notice.js";
import { wholeNumber } from "../../../config/setting-text.js";

/** The highest TCP port. */
export const MOST_PORT = 65_535;

/** A flag's value that cannot be read. */
export class FlagFault {
  constructor(readonly fault: Fault) {}
}

/** The faults among a command's flags. */
export function flagFaults(flags: object): Fault[] {
  return Object.values(flags).flatMap((value) => (value instanceof FlagFault ? [value.fault] : []));
}

const reportsFaultsItself = new WeakSet<Command>();

/** Marks a command that reports its flags' faults together with those of its settings. */
export function reportsFlagFaults(command: Command): Command {
  reportsFaultsItself.add(command);
  return command;
}

/** Ends a command whose flags cannot be read; for all commands that do not report it themselves. */
export function refuseFlagFaults(command: Command): void {
  const faults = reportsFaultsItself.has(command) ? [] : flagFaults(command.opts());
  if (faults.length > 0)
    command.error(`error: ${faults.map(faultText).join("\nerror: ")}`, { code: "commander.invalidArgument" });
}

/** Reads a whole number. @param flag such as "--threads" @param least, most the bounds, both allowed */
export function integer(flag: string, least = 0, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = wholeNumber(text);
    if (typeof value === "number" && value >= least && value <= most) return value;
    const rule =
      value !== undefined && value > most ? `must be ${most} or less` : `must be a whole number of ${least} or more`;
    return fault(`${flag}: ${rule}, not ${value === undefined ? JSON.stringify(text) : text}`);
  };
}

/** Reads a path or an address. An empty one, as of a variable that is not set, would mean the current folder. */
export function place(flag: string): (text: string) => string {
  return (text) => (text === "" ? fault(`${flag}: must be a path, not ""`, `name one, or leave ${flag} out`) : text);
}

/** Reads a number with or without a fraction. @param rule what it must be */
export function decimal(flag: string, rule = "must be a number of 0 or more, such as 0.15"): (text: string) => number {
  return (text) =>
    /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : fault(`${flag}: ${rule}, not ${JSON.stringify(text)}`);
}

/** Reads one of several words. @param read makes the given text comparable */
export function choice<const T extends string>(
  flag: string,
  choices: readonly T[],
  read: (text: string) => string = (text) => text,
): (text: string) => T {
  return (text) =>
    choices.find((one) => one === read(text)) ??
    fault(`${flag}: must be ${choices.map((one) => JSON.stringify(one)).join(" or ")}, not ${JSON.stringify(text)}`);
}

/**
 * Reads "all", or a list of devices with commas; "cpu,cpu" are two lanes on one processor. @param flag such as
 * "--devices"
 */
export function deviceList(flag: string): (text: string) => "all" | string[] {
  return (text) => {
    const names = text.split(",").map((name) => name.trim());
    if (text.trim() === "all") return "all";
    const twin = names.find((name, index) => name !== "cpu" && names.indexOf(name) < index);
    if (twin !== undefined) return fault(`${flag}: ${JSON.stringify(twin)} is named twice`, "name each device once");
    if (names.every((name) => parseDeviceName(name) !== undefined)) return names;
    return fault(
      `${flag}: must be all, or devices with commas, such as cuda:0,cuda:1 or cpu, not ${JSON.stringify(text)}`,
    );
  };
}

/** A fault in the value's place; nobody reads the value before the faults are reported. */
export function fault(message: string, remedy?: string): never {
  return new FlagFault(noticeOf(message, remedy)) as never;
}

/** Reads a flag that may be given several times. */
export function collect(value: string, all: readonly string[] = []): string[] {
  return [...all, value];
}
