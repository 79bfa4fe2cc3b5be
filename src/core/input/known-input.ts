/**
 * Whether the input that a journal names is the one that its run has read. A journal that came with a downloaded output
 * may name any folder of this computer. Whoever wrote it does not know the hashes of the files there.
 */
import { ConfigurationError } from "../../errors.js";
import { openPageSource } from "../../io/open-source.js";
import { sha256 } from "../../platform/sha256.js";
import type { StoredRun } from "../journal/find-run.js";

/**
 * Compares pages of the input with the journal's hashes of them. One that is the same is enough: pages are repaired
 * between two runs.
 * @param remedy how the input can be named
 * @throws ConfigurationError `ERR_CONFIG` where the input does not hold what the run has read; as `openPageSource`
 */
export async function checkKnownInput({ record, history }: StoredRun, remedy: string): Promise<void> {
  const path = (record.config.inputDir ?? record.config.inputZip)!;
  const source = await openPageSource(path, { recursive: record.config.recursive });
  try {
    const entries = new Map(source.entries().map((entry) => [entry.name, entry]));
    for (const [page, hash] of history.inputs) {
      const bytes = await entries
        .get(page)
        ?.read()
        .catch(() => undefined);
      if (bytes !== undefined && (await sha256(bytes)) === hash) return;
    }
  } finally {
    await source.close();
  }
  throw new ConfigurationError(
    "ERR_CONFIG",
    `the journal names the input ${path}, but none of its pages is one that the run has read, so the journal may be from elsewhere; ${remedy}`,
  );
}
