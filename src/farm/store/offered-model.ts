/** A model that a store offers, as its server names it. */
import { z } from "zod";

const text = z.string().min(1).max(200);

/** A model that a store offers. */
export const offeredModelSchema = z.object({
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  name: text,
  version: text,
  trained: z.boolean(),
});
/** A model that a store offers. */
export type OfferedModel = z.output<typeof offeredModelSchema>;
