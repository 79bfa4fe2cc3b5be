/** Parts of routes' descriptions that many share. */
import { z } from "zod";
import { problem } from "../api/schemas.js";

/** The answer of a call that fails. */
export const errors = {
  "4xx": {
    description: "the request cannot be answered",
    content: { "application/problem+json": { schema: problem } },
  },
  "5xx": { description: "the server cannot answer", content: { "application/problem+json": { schema: problem } } },
} as const;

/** A call that answers nothing. */
export const nothing = z.undefined().describe("done");

/** A file's bytes. */
export const bytes = z.string().meta({ format: "binary" });

/** A file in one of several types. */
export function file(description: string, ...types: readonly string[]) {
  return { description, content: Object.fromEntries(types.map((type) => [type, { schema: bytes }])) };
}

/** A picture. */
export const pictureFile = file("the picture; Range is understood", "image/*");
