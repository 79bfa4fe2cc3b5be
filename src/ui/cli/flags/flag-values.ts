/**
 * Readers of flag values. A value that cannot be read is kept as a `FlagFault`, so that all faults are reported at
 * once.
 */
import type { Command, Option } from "commander";
import { parseDeviceName } from "../../../binding/runtime/providers.js";
import { faultText, type Fault } from "../../../errors/fault.js";
import { noticeOf } from "../../../errors/notice.js";
import { wholeNumber, wholeNumberRule } from "../../../config/setting-text.js";

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
const usedAtOnce = new WeakSet<Option>();
const settings = new WeakSet<Option>();

/** Marks a command that reports its flags' faults together with those of its settings. */
export function reportsFlagFaults(command: Command): Command {
  reportsFaultsItself.add(command);
  return command;
}

/** Marks a flag that such a command uses before it reads its settings. */
export function markUsedAtOnce(option: Option): Option {
  usedAtOnce.add(option);
  return option;
}

/** Marks a flag whose value, empty ones too, is checked with the settings. */
export function markSetting(option: Option): Option {
  settings.add(option);
  return option;
}

/** Ends a command that has flags or arguments that cannot be read, but for those that it reports itself. */
export function refuseFlagFaults(command: Command): void {
  const options = command.options.filter((option) => !reportsFaultsItself.has(command) || usedAtOnce.has(option));
  const values = options.map((option) => command.getOptionValue(option.attributeName()) as unknown);
  const faults = [...flagFaults(values), ...emptyFlags(command), ...emptyArguments(command)];
  if (faults.length > 0)
    command.error(`error: ${faults.map(faultText).join("\nerror: ")}`, { code: "commander.invalidArgument" });
}

/** Flags with an empty value, as a shell gives for a variable that is not set: a path would be the current folder. */
function emptyFlags(command: Command): Fault[] {
  return command.options
    .filter((option) => !settings.has(option) && isEmpty(command.getOptionValue(option.attributeName())))
    .map(({ long, mandatory }) => ({
      message: `${long!}: must not be empty, not ""`,
      remedy: mandatory ? "name one" : `name one, or leave ${long!} out`,
    }));
}

function emptyArguments(command: Command): Fault[] {
  return command.registeredArguments
    .filter((_argument, index) => isEmpty(command.processedArgs[index]))
    .map((argument) => ({ message: `${argument.name()}: must not be empty, not ""`, remedy: "name one" }));
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.includes("") : value === "";
}

/** Reads a whole number. @param flag such as "--threads" @param least, most the bounds, both allowed */
export function integer(flag: string, least = 0, most?: number): (text: string) => number {
  return (text) => {
    const value = wholeNumber(text);
    if (typeof value === "number" && value >= least && value <= (most ?? value)) return value;
    const isTooLarge = typeof value === "bigint" && value > 0n;
    const rule = wholeNumberRule(least, most ?? (isTooLarge ? Number.MAX_SAFE_INTEGER : undefined));
    return fault(`${flag}: ${rule}, not ${value === undefined ? JSON.stringify(text) : text}`);
  };
}

/** Reads a number with or without a fraction. @param rule what it must be */
export function decimal(flag: string, rule = "must be a number of 0 or more, such as 0.15"): (text: string) => number {
  return (text) =>
    /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : fault(`${flag}: ${rule}, not ${JSON.stringify(text)}`);
}

/** Reads a number that is not 0. @param rule what it must be */
export function positive(flag: string, rule = "must be more than 0, such as 0.5"): (text: string) => number {
  const read = decimal(flag, rule);
  return (text) => {
    const value = read(text);
    return value === 0 ? fault(`${flag}: ${rule}, not 0`) : value;
  };
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
    if (twin !== undefined && twin !== "")
      return fault(`${flag}: ${JSON.stringify(twin)} is named twice`, "name each device once");
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
