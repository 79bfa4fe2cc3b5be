/** Checks of the arguments of public functions: a wrong type is an `ERR_ARGUMENT` that names the value and the rule. */
import { inspect } from "node:util";
import { ValidationError } from "./classes.js";

const MAX_SHOWN = 80;

/** A value as a message shows it: on one line, cut. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 0, breakLength: Infinity });
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

/**
 * @param rule what must be, such as "a whole number above 0"
 * @throws ValidationError `ERR_ARGUMENT`
 */
export function checkArgument(isValid: boolean, what: string, value: unknown, rule: string): asserts isValid {
  if (!isValid) throw new ValidationError("ERR_ARGUMENT", `${what} is ${shown(value)}; it must be ${rule}`);
}
