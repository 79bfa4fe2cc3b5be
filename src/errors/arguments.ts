/** Checks of the arguments of public functions: a wrong type is an `ERR_ARGUMENT` that names the value and the rule. */
import { inspect, types } from "node:util";
import { ValidationError } from "./classes.js";

const MAX_SHOWN = 80;
/** Where an error came from, as `inspect` shows it, also inside a rejected promise. */
const STACK = /(?:\n\s+at [^\n]*)+/g;

/** A value as a message shows it: on one line, without stacks, cut. */
export function shown(value: unknown): string {
  const text =
    typeof value === "string"
      ? JSON.stringify(value)
      : inspect(value, { depth: 0, breakLength: Infinity, customInspect: false });
  const line = text.replaceAll(STACK, "").replaceAll(/\s*\n\s*/g, " ");
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN - 1)}…` : line;
}

/**
 * @param rule what must be, such as "a whole number above 0"
 * @throws ValidationError `ERR_ARGUMENT`
 */
export function checkArgument(isValid: boolean, what: string, value: unknown, rule: string): asserts isValid {
  if (isValid) return;
  forgetPromise(value);
  throw new ValidationError("ERR_ARGUMENT", `${what} is ${shown(value)}; it must be ${rule}`);
}

/** Checks that a value is an object with named members, not a list. */
export function checkObject(what: string, value: unknown): asserts value is object {
  checkArgument(typeof value === "object" && value !== null && !Array.isArray(value), what, value, "an object");
}

/**
 * Checks that an object has no members but these: a misspelt option would be ignored.
 * @param names all that there are
 */
export function checkNames<Known>(what: string, value: object, names: Readonly<Record<keyof Known, true>>): void {
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(names, name));
  if (unknown.length === 0) return;
  throw new ValidationError(
    "ERR_ARGUMENT",
    `unknown option ${unknown.map(shown).join(", ")} in ${what}; the options are ${Object.keys(names).join(", ")}`,
  );
}

/**
 * Refuses `new` by others than the function that makes such objects.
 * @param own the key that only that function has
 * @param how the call that makes one
 */
export function checkMaker(what: string, key: unknown, own: symbol, how: string): void {
  if (key !== own) throw new ValidationError("ERR_ARGUMENT", `${what} is not made with new`, { remedy: `call ${how}` });
}

/** Checks that a value is text of one character or more. */
export function checkText(what: string, value: unknown): asserts value is string {
  checkArgument(typeof value === "string" && value !== "", what, value, "text that is not empty");
}

/** Checks that a value can be iterated over; text does not count. */
export function checkList(what: string, value: unknown): asserts value is Iterable<unknown> {
  const isList =
    typeof value === "object" &&
    value !== null &&
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === "function" &&
    !isDetached(value);
  checkArgument(isList, what, value, "a list");
}

/** Whether the memory of a view has moved to another thread, so that it is empty and cannot be read. */
export function isDetached(value: unknown): boolean {
  if (!ArrayBuffer.isView(value) || value.buffer.byteLength > 0) return false;
  try {
    return new Uint8Array(value.buffer).byteLength > 0;
  } catch {
    return true;
  }
}

/** Checks that a value is bytes that can be read. */
export function checkBytes(what: string, value: unknown): asserts value is Uint8Array {
  checkArgument(types.isUint8Array(value), what, value, "a Uint8Array or Buffer");
  checkArgument(!isDetached(value), what, value, "bytes whose memory was not transferred");
}

/** A promise where none belongs is refused; that it rejects too is nobody's concern. */
export function forgetPromise(value: unknown): void {
  if (types.isPromise(value)) value.catch(() => undefined);
}

/** Checks that a value is a function, or undefined if it may be left out. */
export function checkFunction(what: string, value: unknown, isOptional = false): void {
  checkArgument(typeof value === "function" || (isOptional && value === undefined), what, value, "a function");
}

/** Checks that a value is an object with these methods. */
export function checkMethods(what: string, value: unknown, methods: readonly string[]): void {
  checkObject(what, value);
  for (const name of methods) checkFunction(`${what}.${name}`, (value as Record<string, unknown>)[name]);
}

/** Checks that a value is a whole number of at least `least`. */
export function checkWhole(what: string, value: unknown, least = 0): asserts value is number {
  checkArgument(Number.isSafeInteger(value) && (value as number) >= least, what, value, `a whole number >= ${least}`);
}

/** Checks that a value is one of several. */
export function checkOneOf<T>(what: string, value: unknown, choices: readonly T[]): asserts value is T {
  checkArgument(
    choices.includes(value as T),
    what,
    value,
    choices.map((choice) => JSON.stringify(choice)).join(" or "),
  );
}

/** Checks that a value is true, false or undefined. */
export function checkFlag(what: string, value: unknown): asserts value is boolean | undefined {
  checkArgument(value === undefined || typeof value === "boolean", what, value, "true or false");
}

/** Checks that a value is an `AbortSignal`, also one of another realm, or undefined. */
export function checkSignal(what: string, value: unknown): void {
  if (value !== undefined) checkMethods(what, value, ["addEventListener", "removeEventListener", "throwIfAborted"]);
}
