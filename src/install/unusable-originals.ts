/** Originals that were fetched or found, and turn out to be no weights of the model. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ModelError } from "../errors.js";
import { UNKNOWN } from "./fetch/remote.js";
import type { OriginalFile } from "./originals/original-file.js";
import { OriginalStore } from "./originals/store.js";

/**
 * The error for originals that no package can be made of. Those whose hash nobody knew are removed, so that they do not
 * stand in the way of the next try.
 */
export async function unusableOriginals(
  error: ModelError,
  { folder, from }: { readonly folder: string; readonly from?: string | undefined },
  staged: string,
  originals: readonly OriginalFile[],
): Promise<ModelError> {
  let { message } = error;
  for (const { file, path } of originals) message = message.replaceAll(join(staged, file.source, file.path), path);
  const fetched = new OriginalStore(folder).folder;
  const unsure = originals.filter(({ file, path }) => file.sha256 === UNKNOWN && path.startsWith(join(fetched, "/")));
  for (const { path } of unsure) await rm(path, { force: true });
  const remedy =
    from !== undefined
      ? "get these files again, or take the catalogue that they belong to (--catalogue)"
      : unsure.length > 0
        ? `the catalogue has no hash of ${unsure.length === 1 ? "one file" : `${unsure.length} files`}, which will be fetched again: run the same command again, and if that does not help take another catalogue (--catalogue)`
        : "take another catalogue (--catalogue) or a newer cobra-batch";
  return new ModelError(error.code, message, { cause: error, remedy });
}
