/** Checks requests by their schemas, and tells all faults at once. */
import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import { ValidationError } from "../../../errors.js";
import { parseJson } from "../../../text/parse-json.js";

const PARTS: Readonly<Record<string, string>> = {
  body: "body",
  querystring: "query",
  params: "address",
  headers: "headers",
};

/** For Fastify: checks one part of a request. A body that was not sent is undefined. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart = "body" }) => {
  return (data: unknown) => {
    const parsed = schema.safeParse(data ?? undefined);
    if (parsed.success) return { value: parsed.data };
    return { error: new ValidationError("ERR_ARGUMENT", faultsOf(`the ${PARTS[httpPart] ?? httpPart}`, parsed.error)) };
  };
};

/** Checks a value. @throws ValidationError `ERR_ARGUMENT` */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ValidationError("ERR_ARGUMENT", faultsOf(what, parsed.error));
}

/** Reads JSON of a request. @throws ValidationError `ERR_ARGUMENT` */
export function readJson(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new ValidationError("ERR_ARGUMENT", `${what} is not JSON: ${(error as Error).message}`);
  }
}

const MOST_FAULTS = 10;
/** How Zod itself says that a value is of a wrong type. */
const WRONG_TYPE = /^Invalid input: expected (\w+), received (\w+)$/u;

/** One fault: the place, the rule, and what was there. */
export function issueText({ path, message }: z.core.$ZodIssue): string {
  const [, expected, received] = WRONG_TYPE.exec(message) ?? [];
  const rule =
    expected === undefined
      ? message
      : received === "undefined"
        ? `is missing; it must be ${withArticle(expected)}`
        : `must be ${withArticle(expected)}, not ${received === "null" ? received : withArticle(received!)}`;
  return [...path.map(String), ""].join(".").replace(/\.$/u, " ") + rule;
}

function withArticle(type: string): string {
  if (type === "int") return "a whole number";
  const word = type === "string" ? "text" : type === "NaN" ? "NaN" : type;
  return word === "text" || word === "NaN" ? word : `${/^[aeiou]/u.test(word) ? "an" : "a"} ${word}`;
}

function faultsOf(what: string, { issues }: z.ZodError): string {
  const faults = issues.slice(0, MOST_FAULTS).map((issue) => {
    if (issue.code === "unrecognized_keys")
      return `unknown ${issue.keys
        .slice(0, MOST_FAULTS)
        .map((key) => JSON.stringify(key.slice(0, 60)))
        .join(", ")}`;
    return issueText(issue);
  });
  const more = issues.length - faults.length;
  return `${what} is wrong: ${faults.join("; ")}${more > 0 ? `; and ${more} faults more` : ""}`;
}
