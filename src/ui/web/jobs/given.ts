/** Validates input for a job: its name, its settings, those of its pages. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { ConfigurationError, ValidationError } from "../../../errors.js";
import { MOST_NAME_CHARACTERS } from "../api/limits.js";
import {
  jobSettings,
  pageOwnSettings,
  redoSettings,
  type JobSettings,
  type PageOwnSettings,
  type RedoSettings,
} from "../api/schemas.js";

/** Control characters, and marks that reorder text on screen. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** @throws ValidationError `ERR_ARGUMENT` */
export function checkedName(given: string): string {
  const name = fitForName(given);
  const { length } = [...name];
  if (name !== "" && length <= MOST_NAME_CHARACTERS) return name;
  throw new ValidationError(
    "ERR_ARGUMENT",
    `the name of a job must have 1 to ${MOST_NAME_CHARACTERS} characters, not ${length}`,
  );
}

/** A name that an input gives its job: as much of it as fits. Undefined where nothing is left. */
export function nameFrom(given: string): string | undefined {
  return [...fitForName(given)].slice(0, MOST_NAME_CHARACTERS).join("").trim() || undefined;
}

function fitForName(given: string): string {
  return given.normalize("NFC").replace(UNFIT, " ").trim();
}

/** @throws ConfigurationError `ERR_CONFIG` */
export function checkedSettings(given: JobSettings): JobSettings {
  return checked(jobSettings, given);
}

/** Settings of a page. @throws ConfigurationError `ERR_CONFIG` */
export function checkedOwn(given: PageOwnSettings): PageOwnSettings {
  return checked(pageOwnSettings, given);
}

/** Settings over those of a page. @throws ConfigurationError `ERR_CONFIG` */
export function checkedRedo(given: RedoSettings): RedoSettings {
  return checked(redoSettings, given);
}

/** The settings that a page has with others over them; null takes one away. */
export function withChanges(own: PageOwnSettings, changes: RedoSettings): PageOwnSettings {
  return Object.fromEntries(
    Object.entries({ ...own, ...changes }).filter(([, value]) => value !== null && value !== undefined),
  );
}

function checked<T>(schema: z.ZodType<T>, given: T): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const faults = result.error.issues.map(
    ({ path, message }) => `${path.map(String).join(".") || "settings"}: ${message}`,
  );
  throw new ConfigurationError("ERR_CONFIG", faults.join("; "));
}

/** An id fit for a URL and a file name, and not to be guessed. */
export function newId(): string {
  return BigInt(`0x${randomBytes(12).toString("hex")}`)
    .toString(36)
    .padStart(19, "0");
}
