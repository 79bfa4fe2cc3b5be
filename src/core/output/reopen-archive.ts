/** Unpacks a finished archive again, so that single pages of it can be redone. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BatchProcessingError } from "../../errors.js";
import { openStoredFiles } from "../../io/archive/stored-files.js";
import { temporaryName } from "../../io/files/atomic-file.js";
import { isThere } from "../../io/files/exists.js";
import { outputError } from "../../io/files/file-errors.js";
import { removeTree } from "../../io/files/remove-tree.js";
import { makeFolders } from "../../platform/folders.js";
import { sha256 } from "../../platform/sha256.js";
import type { JournalEntry, KeptReason } from "../journal/entries.js";
import { failedEntries } from "../journal/entry-schema.js";
import type { StoredRun } from "../journal/find-run.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import { placeOf } from "../journal/place.js";
import { layerRecords } from "./layer-records.js";
import { archiveEntry } from "./own-archive.js";
import { picturesFolder, workFolder } from "./work-folder.js";

/**
 * Fills the work folder of a finished archive as it was before its last page was done, from the archive itself: the
 * journal and the pictures. The metadata's names were checked when it was read. The journal notes which pictures and
 * layers somebody has changed and which pages are gone. Rejects with `ERR_OUTPUT_WRITE`, `ERR_ZIP_*`.
 * @param journal of that work folder, empty; it gets all lines in one step
 * @param kept why the archive is kept in any case, so that the next one gets a name beside it. Default: it is not
 */
export async function reopenArchive(
  { record, history, archive, isFromHere }: StoredRun,
  journal: LockedJournal,
  kept?: KeptReason,
): Promise<void> {
  if (archive === undefined) return;
  const { path, metadata } = archive;
  const work = workFolder(record.config);
  const temporary = join(work, temporaryName());
  const source = await openStoredFiles(path);
  const entries = new Map(source.files.map((entry) => [entry.name, entry]));
  const unpacked: string[] = [];
  const keep = async (name: string): Promise<Uint8Array> => {
    const bytes = await entries.get(name)!.read();
    await makeFolders(dirname(join(temporary, name)));
    await writeFile(join(temporary, name), bytes, { flush: true });
    unpacked.push(name);
    return bytes;
  };
  try {
    await mkdir(temporary);
    const place = isFromHere ? await placeOf(work) : undefined;
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
      if (!hasFiles(entries, success)) {
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
    await journal.begin(lines, () => putInPlace(temporary, picturesFolder(record.config), unpacked));
  } catch (cause) {
    throw cause instanceof BatchProcessingError ? cause : outputError(work, cause);
  } finally {
    await source.close();
    await removeTree(temporary).catch(() => {}); // else the next run does
  }
}

/** Pages of an archive whose pictures or layers are no longer in it. Rejects as `openStoredFiles`. */
export async function gonePagesOf({ path, metadata }: NonNullable<StoredRun["archive"]>): Promise<string[]> {
  const source = await openStoredFiles(path);
  try {
    const entries = new Map(source.files.map((entry) => [entry.name, entry]));
    const known = new Set(metadata.inputs.map(({ page }) => page));
    return metadata.pages.filter((one) => known.has(one.page) && !hasFiles(entries, one)).map(({ page }) => page);
  } finally {
    await source.close();
  }
}

function hasFiles(
  entries: ReadonlyMap<string, unknown>,
  { output, layers = [] }: { readonly output: string; readonly layers?: readonly string[] },
): boolean {
  return [output, ...layers].every((name) => entries.has(name));
}

/** A kill may have left some of the files before. */
async function putInPlace(from: string, folder: string, names: readonly string[]): Promise<void> {
  if (!(await isThere(folder))) return rename(from, folder);
  for (const name of names) {
    await makeFolders(dirname(join(folder, name)));
    await rename(join(from, name), join(folder, name));
  }
}

/** The hash of a file as it was written, if it has another now. */
function changed(sha256: string, written: string | undefined): { readonly written?: string } {
  return written === undefined || written === sha256 ? {} : { written };
}
