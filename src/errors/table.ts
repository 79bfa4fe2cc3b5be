/**
 * The one table of errors: every code with its class, what it ends, whether to try again, the command's exit code and
 * the remedy. A new error is one row in a file of `codes/`; `docs/errors.md` is made from it by `npm run docs`.
 */
import { CALL_ERRORS } from "./codes/call.js";
import { CHAPTER_ERRORS } from "./codes/chapter.js";
import { ENGINE_ERRORS } from "./codes/engine.js";
import type { ErrorFacts } from "./codes/error-facts.js";

export type { ErrorClassName, ErrorFacts } from "./codes/error-facts.js";

const table = { ...ENGINE_ERRORS, ...CHAPTER_ERRORS, ...CALL_ERRORS };

/** A stable error code. */
export type ErrorCode = keyof typeof table;

/** Every code the engine can raise, with what is known of it. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorFacts>> = table;

/** Every code the engine can raise, with when it is raised. */
export const ERROR_CODES = Object.fromEntries(
  Object.entries(table).map(([code, { when }]) => [code, when]),
) as Readonly<Record<ErrorCode, string>>;

/** Whether a value is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(table, value);
}
