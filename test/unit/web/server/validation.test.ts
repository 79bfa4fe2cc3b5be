/** What requests are told that are wrong: the value, the rule, in the words of all other messages. */
import { expect, it } from "vitest";
import { z } from "zod";
import { redoOptions } from "../../../../src/ui/web/api/requests.js";
import { issueText } from "../../../../src/ui/web/server/validation.js";

const faults = (schema: z.ZodType, value: unknown): string[] =>
  schema.safeParse(value).error?.issues.map(issueText) ?? [];

it.each([
  [{}, ["ids is missing; it must be an array"]],
  [{ ids: "a" }, ["ids must be an array, not text"]],
  [{ ids: null }, ["ids must be an array, not null"]],
  [[], ["must be an object, not an array"]],
])("%j", (value, expected) => {
  expect(faults(redoOptions, value)).toEqual(expected);
});
