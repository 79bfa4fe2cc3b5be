/** Other files of an input, such as ComicInfo.xml, copied to an output. */
import { dirname } from "node:path";
import { isFaultOfFile } from "../../io/files/file-errors.js";
import { numberedName } from "../../io/names/output-names.js";
import { portableName } from "../../io/names/portable-names.js";
import type { PageSink } from "../../io/page-sink.js";
import { chunksOf, type SourceEntry } from "../../io/page-source.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import type { Notice } from "../../errors/notice.js";
import { sha256OfChunks } from "../../platform/sha256.js";
import type { OutputFiles } from "./output-files.js";
import { checkInside } from "./output-guard.js";

/** Copies files; one that cannot be copied costs itself alone. Resolves to what people should know of those. */
export async function carryFiles(
  files: readonly SourceEntry[],
  carry: (entry: SourceEntry) => Promise<unknown>,
): Promise<Notice[]> {
  const notices: Notice[] = [];
  for (const entry of files) {
    await carry(entry).catch((error: unknown) => {
      if (!isFaultOfFile(error)) throw error;
      notices.push({ message: `${entry.name} is not copied to the output: ${error.message}`, remedy: error.remedy });
    });
  }
  return notices;
}

/** So many bytes of a file are copied between two reports. */
const REPORT_EVERY_BYTES = 64 * 2 ** 20;

/** What a copy is watched by. */
export interface CopyWatch {
  /** Told after every 64 MiB that were read. A file that is read twice begins again. */
  readonly report: (copiedBytes: number) => void;
  /** Ends the copying with its reason, at the next part that is read. */
  readonly signal: AbortSignal;
}

/** A file that is read to be copied. */
export function watchedCopy(entry: SourceEntry, { report, signal }: CopyWatch): SourceEntry {
  const { name, kind, format, sizeBytes } = entry;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let copied = 0;
    signal.throwIfAborted();
    for await (const chunk of chunksOf(entry)) {
      yield chunk;
      signal.throwIfAborted();
      const before = Math.floor(copied / REPORT_EVERY_BYTES);
      copied += chunk.byteLength;
      if (Math.floor(copied / REPORT_EVERY_BYTES) > before) report(copied);
    }
  }
  const read: SourceEntry["read"] = async () => {
    signal.throwIfAborted();
    return entry.read();
  };
  return { name, kind, format, sizeBytes, read, chunks };
}

/** Copies a file to an output folder unless an earlier run has; its own older copy is replaced. */
export async function carryFile(
  entry: SourceEntry,
  { journal, files, sink }: { readonly journal: LockedJournal; readonly files: OutputFiles; readonly sink: PageSink },
): Promise<void> {
  const name = portableName(entry.name);
  await checkInside(files.folder, dirname(files.path(name)));
  const content = await sha256OfChunks(chunksOf(entry));
  const earlier = journal.history.carried(name);
  const last = earlier[0];
  if (last?.sha256 === content.sha256 && (await files.find(name, last)) !== undefined) return;
  const { number, replaces } = await files.place(name, content, earlier);
  await journal.append({ type: "carried", name, ...content, firstNumber: number });
  await sink.carry(entry, replaces === undefined ? undefined : numberedName(name, number));
}
