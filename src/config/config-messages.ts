/** Words the messages about settings that break a rule. */
import type { z } from "zod";
import { ConfigurationError } from "../errors.js";
import { nearestName } from "./nearest-name.js";
import { BATCH_CONFIG_KEYS } from "./settings.js";

/** Names a setting in a message. */
export type Label = (key: string) => string;

/** Words what is wrong with a setting: its name, the rule, the value. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  input: unknown,
  known: readonly string[] = BATCH_CONFIG_KEYS,
  label: Label = String,
): string[] {
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
    return [`${issue.path.join(".")}: unknown ${issue.keys.map((key) => `"${key}"`).join(", ")}; leave it out`];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = nearestName(key, known);
      return `${label(key)}: unknown setting${near ? `; did you mean ${near}?` : `; the settings are ${known.join(", ")}`}`;
    });
  }
  const where = [label(String(issue.path[0] ?? "")), ...issue.path.slice(1)].join(".");
  const value = issue.path.reduce<unknown>(
    (node, key) => (node as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  return [
    `${where}: ${issue.message}, not ${typeof value === "number" || typeof value === "bigint" ? String(value) : JSON.stringify(value)}`,
  ];
}

/** One error for all faults. */
export function configError(faults: readonly string[]): ConfigurationError {
  return new ConfigurationError(
    "ERR_CONFIG",
    faults.length === 1
      ? faults[0]!
      : `${faults.length} settings are wrong:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`,
  );
}
