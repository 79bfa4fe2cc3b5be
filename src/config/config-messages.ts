/** Messages about settings that break a rule. */
import { shown } from "../errors/arguments.js";
import type { z } from "zod";
import { ConfigurationError } from "../errors.js";
import { remedyOf, type Fault } from "../errors/fault.js";
import { nearestName } from "./nearest-name.js";
import { BATCH_CONFIG_KEYS } from "./settings.js";

/** Names a setting in a message. */
export type Label = (key: string) => string;

/** Describes what is wrong with a setting: its name, the rule, the value. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  input: unknown,
  known: readonly string[] = BATCH_CONFIG_KEYS,
  label: Label = String,
): Fault[] {
  // Of a value that may be one of several things, what is wrong inside the one that it looks like.
  const inside =
    issue.code === "invalid_union" && issue.path.length === 1
      ? issue.errors.find(
          (issues) => issues.some(({ path }) => path.length > 0) || issues.some(({ code }) => code === "too_small"),
        )
      : undefined;
  if (inside !== undefined)
    return inside.flatMap((one) => describeIssue({ ...one, path: [...issue.path, ...one.path] }, input, known, label));
  if (issue.code === "unrecognized_keys" && issue.path.length > 0)
    return issue.keys.map((key) => ({
      message: `${issue.path.join(".")}: unknown "${key}"`,
      remedy: `leave "${key}" out`,
    }));
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownSetting(label(key), nearestName(key, known), known));
  }
  const [key, ...within] = issue.path;
  const name = label(String(key ?? ""));
  // A flag that may be repeated has no numbers.
  const where = [name, ...(name.startsWith("--") ? within.filter((part) => typeof part !== "number") : within)].join(
    ".",
  );
  const value = issue.path.reduce<unknown>(
    (node, key) => (node as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  return [
    {
      message: `${where}: ${issue.message}, not ${typeof value === "bigint" ? String(value) : shown(value)}`,
    },
  ];
}

/** A setting that there is not. @param near a known one that is spelt nearly so @param known all that may be there */
export function unknownSetting(name: string, near: string | undefined, known: readonly string[]): Fault {
  if (near === undefined) return { message: `${name}: unknown setting; the settings are ${known.join(", ")}` };
  return { message: `${name}: unknown setting`, remedy: `write ${near} in place of ${name}` };
}

/** One error for all faults. */
export function configError(faults: readonly Fault[]): ConfigurationError {
  return new ConfigurationError(
    "ERR_CONFIG",
    faults.length === 1
      ? faults[0]!.message
      : `${faults.length} settings are wrong:\n${faults.map(({ message }) => `  - ${message}`).join("\n")}`,
    { remedy: remedyOf(faults) },
  );
}
