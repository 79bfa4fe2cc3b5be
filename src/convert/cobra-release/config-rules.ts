/**
 * Checks that the engine supports the settings of a diffusers config file. A file may have many more than are read:
 * each of those has a rule here, so that a setting which would change the picture and is not supported is refused by
 * name. A setting without a rule is accepted if it is neutral (`null`, `false`), since newer versions of diffusers add
 * such settings.
 */
import { z } from "zod";

/** Characters of a value in a message. */
const MAX_SHOWN = 80;
const NEUTRAL: readonly unknown[] = [null, false];

/** A setting that must have one of these values; absent counts as the first. */
export function only(...values: readonly (string | number | boolean | null)[]): z.ZodType {
  const text = values.map(describe).join(" or ");
  return z.unknown().refine((value) => value === undefined || values.some((one) => Object.is(one, value)), {
    error: ({ input }) => `is ${describe(input)}, but only ${text} is built`,
  });
}

/** A setting that changes nothing here: how a network was trained, or what another setting switches off. */
export const unused: z.ZodType = z.unknown();

/** What every config file of diffusers may hold about itself. */
const COMMON = {
  _diffusers_version: unused,
  _name_or_path: unused,
  _commit_hash: unused,
  _use_default_values: unused,
};

/**
 * Checks a parsed config file and returns the settings that are read.
 * @param read the settings that are read, with their defaults
 * @param rules what the others may be
 * @param ignored names of settings that are let through whatever they are
 * @throws RangeError that lists every fault with the setting's name
 */
export function checkConfig<T extends z.ZodRawShape>(
  value: unknown,
  read: T,
  rules: Readonly<Record<string, z.ZodType>>,
  ignored: ReadonlySet<string>,
): z.infer<z.ZodObject<T>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RangeError("it holds no JSON object");
  }
  const known: Readonly<Record<string, z.ZodType>> = { ...COMMON, ...rules };
  const others = Object.entries(value).filter(([key]) => !Object.hasOwn(read, key) && !ignored.has(key));
  const faults = others.flatMap(([key, given]) => {
    const fault = Object.hasOwn(known, key) ? faultOf(known[key]!, given) : unknownFault(given);
    return fault === undefined ? [] : [`${key}: ${fault}`];
  });
  const result = z.object(read).safeParse(value);
  const own =
    result.error?.issues.map(
      ({ path, message }) => `${path.join(".")}: is ${describe(valueAt(value, path))}; ${message}`,
    ) ?? [];
  if (!result.success || faults.length > 0) throw new RangeError([...own, ...faults].join("; "));
  return result.data;
}

function faultOf(rule: z.ZodType, value: unknown): string | undefined {
  return rule.safeParse(value).error?.issues[0]?.message;
}

function unknownFault(value: unknown): string | undefined {
  if (NEUTRAL.includes(value)) return undefined;
  return `is ${describe(value)}; this setting is not known, so what it changes cannot be built`;
}

function valueAt(value: object, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function describe(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value === undefined) return "absent";
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
