/** Unpacks a finished archive again, so that single pages of it can be redone. */
import { rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BatchProcessingError, systemCode } from "../../errors.js";
import { openStoredFiles } from "../../io/archive/stored-files.js";
import { isThere } from "../../io/files/exists.js";
import { temporaryName } from "../../io/files/atomic-file.js";
import { outputError } from "../../io/files/file-errors.js";
import { removeTree } from "../../io/files/remove-tree.js";
import { makeFolders } from "../../platform/folders.js";
import { sha256 } from "../../platform/sha256.js";
import type { JournalEntry, KeptReason } from "../journal/entries.js";
import { failedEntries } from "../journal/entry-schema.js";
import type { StoredRun } from "../journal/find-run.js";
import { journalLine } from "../journal/journal.js";
import { JOURNAL_NAME, LockedJournal } from "../journal/locked-journal.js";
import { placeOf } from "../journal/place.js";
import { layerRecords } from "./layer-records.js";
import { archiveEntry } from "./own-archive.js";
import { picturesFolder, removeWorkFolder, shardsFolder, workFolder, type OutputPaths } from "./work-folder.js";

/**
 * Makes the work folder of a finished archive as it was before its last page was done, from the archive itself: the
 * journal and the pictures. It appears whole or not at all. The metadata's names were checked when it was read. The
 * journal notes which pictures and layers somebody has changed and which pages are gone. Rejects with
 * `ERR_OUTPUT_WRITE`, `ERR_ZIP_*`.
 * @param kept why the archive is kept in any case, so that the next one gets a name beside it. Default: it is not
 */
export async function reopenArchive(
  { record, history, archive, isFromHere }: StoredRun,
  kept?: KeptReason,
): Promise<void> {
  if (archive === undefined) return;
  const { path, metadata } = archive;
  const work = workFolder(record.config);
  const temporary = join(dirname(path), temporaryName());
  const pictures = join(temporary, basename(picturesFolder(record.config)));
  const source = await openStoredFiles(path);
  const entries = new Map(source.files.map((entry) => [entry.name, entry]));
  const keep = async (name: string): Promise<Uint8Array> => {
    const bytes = await entries.get(name)!.read();
    await makeFolders(dirname(join(pictures, name)));
    await writeFile(join(pictures, name), bytes, { flush: true });
    return bytes;
  };
  try {
    await makeFolders(temporary);
    const place = isFromHere ? await placeOf(temporary, work) : undefined;
    const lines: JournalEntry[] = [
      { type: "run", job: "", at: new Date().toISOString(), record, ...(place && { place }) },
    ];
    const { all, pages } = history.adjustments;
    const gone: string[] = [];
    lines.push(
      { type: "adjust", settings: all },
      ...Object.entries(pages).map(([page, settings]) => ({ type: "adjust" as const, page, settings })),
      ...(record.config.previewMode ? [{ type: "preview" as const, state: "approved" as const }] : []),
      ...failedEntries(metadata.failures),
    );
    const origins = new Map(metadata.inputs.map((origin) => [origin.page, origin]));
    for (const success of metadata.pages) {
      const origin = origins.get(success.page);
      if (origin === undefined) continue;
      if (![success.output, ...(success.layers ?? [])].every((name) => entries.has(name))) {
        gone.push(success.page);
        continue;
      }
      const records = await layerRecords((success.layers ?? []).map((name) => keep(name)));
      const layers = records.map((layer, index) => ({ ...layer, ...changed(layer.sha256, origin.layers?.[index]) }));
      const bytes = await keep(success.output);
      const digest = await sha256(bytes);
      lines.push({
        type: "page",
        page: success.page,
        fingerprint: origin.fingerprint,
        inputSha256: origin.sha256,
        outputName: success.output,
        success,
        sha256: digest,
        sizeBytes: bytes.byteLength,
        firstNumber: 0,
        ...(layers.length === 0 ? {} : { layers }),
        ...changed(digest, origin.picture),
      });
    }
    const facts = {
      inputs: metadata.inputs.map((origin) => origin.sha256),
      keepOthers: true as const,
      ...(gone.length === 0 ? {} : { gone }),
      ...(metadata.carried && { carried: metadata.carried }),
      inColor: metadata.in_color ?? [],
    };
    lines.push(
      kept === undefined
        ? await archiveEntry(path, basename(path), record.config, facts)
        : { type: "archive", name: basename(path), ...facts, kept },
    );
    await writeFile(join(temporary, JOURNAL_NAME), lines.map(journalLine).join(""), { flush: true });
    await rename(temporary, work).catch(async (error: unknown) => {
      // Another run was quicker: the lease decides between the two.
      if (!/^(?:ENOTEMPTY|EEXIST)$/u.test(systemCode(error) ?? "")) throw error;
      await removeTree(temporary);
    });
  } catch (cause) {
    await removeTree(temporary);
    throw cause instanceof BatchProcessingError ? cause : outputError(work, cause);
  } finally {
    await source.close();
  }
}

/** The hash of a file as it was written, if it has another now. */
function changed(sha256: string, written: string | undefined): { readonly written?: string } {
  return written === undefined || written === sha256 ? {} : { written };
}

/**
 * Removes a work folder that a kill has left and that nobody is using. One whose journal says something stays: another
 * run may have opened the archive again since this one has looked.
 */
export async function removeEmpty(paths: OutputPaths): Promise<void> {
  await removeUnused(paths, ({ damaged, history }) => damaged === 0 && history.record === undefined);
}

/**
 * Removes a work folder that nobody is using. One with the results of shards stays.
 * @param isWanted whether one with this journal is to go. Default: every one
 */
export async function removeUnused(
  paths: OutputPaths,
  isWanted: (journal: LockedJournal) => boolean = () => true,
): Promise<void> {
  if (await isThere(shardsFolder(paths))) return;
  const path = workFolder(paths);
  try {
    const journal = await LockedJournal.open(path, path);
    try {
      if (isWanted(journal) && (await journal.isHeld())) await removeWorkFolder(path, () => journal.close());
    } finally {
      await journal.close();
    }
  } catch {
    // another run is using it, or it is gone
  }
}
