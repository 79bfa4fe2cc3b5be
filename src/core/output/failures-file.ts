/** `failures.json`: which pages failed, why, and what to do. It exists while there are failed pages. */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import { isOwnFile } from "../../io/files/own-file.js";
import type { CarriedOrigins } from "../journal/entries.js";
import type { PageOrigin } from "./archive-metadata.js";
import { metadataBytes, type SinkMetadata } from "../../io/names/output-rules.js";

/** What the file is made of: the run's metadata. */
export type FailureReport = SinkMetadata & {
  readonly failures: readonly unknown[];
  readonly carried?: CarriedOrigins | undefined;
  readonly in_color?: readonly string[] | undefined;
  /** What the finished pages were made of. */
  readonly inputs?: readonly PageOrigin[];
};

/** Writes it, or removes it if no page has failed. */
export async function writeFailures(path: string, { failures, cobra_version }: FailureReport): Promise<void> {
  if (failures.length > 0)
    await writeFileAtomic(path, metadataBytes({ cobra_version, failures }), true, undefined, dirname(path));
  else if (await isOwnFile(path)) await rm(path, { force: true });
}
