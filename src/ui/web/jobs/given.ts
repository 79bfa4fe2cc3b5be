/** What people give a job, checked: its name, its settings, those of its pages. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { ConfigurationError, ValidationError } from "../../../errors.js";
import { jobSettings, pageOwnSettings, type JobSettings, type PageOwnSettings } from "../api/schemas.js";

const MAX_NAME = 200;
/** Control characters, and marks that reorder text on screen. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** @throws ValidationError `ERR_ARGUMENT` */
export function checkedName(given: string): string {
  const name = given.normalize("NFC").replace(UNFIT, " ").trim();
  if (name !== "" && name.length <= MAX_NAME) return name;
  throw new ValidationError(
    "ERR_ARGUMENT",
    `the name of a job must have 1 to ${MAX_NAME} characters, not ${name.length}`,
  );
}

/** @throws ConfigurationError `ERR_CONFIG` */
export function checkedSettings(given: JobSettings): JobSettings {
  return checked(jobSettings, given);
}

/** Settings of a page. @throws ConfigurationError `ERR_CONFIG` */
export function checkedOwn(given: PageOwnSettings): PageOwnSettings {
  return checked(pageOwnSettings, given);
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
