/** Leaves an output as a run does that is killed right after it has begun to go on with it. */
import { holdOutput } from "../../src/core/output/held-output.js";
import type { Continuation } from "../../src/core/continue-run.js";

/** A decision is noted, a finished archive opened again, and no page begun. */
export async function endEarly({ config, options: { decision }, record }: Continuation): Promise<void> {
  const held = await holdOutput(config, { record, decision });
  if ("journal" in held) await held.journal.close();
}
