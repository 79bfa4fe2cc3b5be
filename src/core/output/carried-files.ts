/** Other files of an input, such as ComicInfo.xml, copied to an output. */
import { isFaultOfFile } from "../../io/files/file-errors.js";
import { numberedName } from "../../io/names/output-names.js";
import { portableName } from "../../io/names/portable-names.js";
import type { PageSink } from "../../io/page-sink.js";
import { chunksOf, type SourceEntry } from "../../io/page-source.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import { sha256OfChunks } from "../../platform/sha256.js";
import type { OutputFiles } from "./output-files.js";

/** Copies files; one that cannot be copied costs itself alone. Resolves to what people should know of those. */
export async function carryFiles(
  files: readonly SourceEntry[],
  carry: (entry: SourceEntry) => Promise<unknown>,
): Promise<string[]> {
  const notices: string[] = [];
  for (const entry of files) {
    await carry(entry).catch((error: unknown) => {
      if (!isFaultOfFile(error)) throw error;
      notices.push(`${entry.name} is not copied to the output: ${error.message}`);
    });
  }
  return notices;
}

/** Copies a file to an output folder unless an earlier run has; its own older copy is replaced. */
export async function carryFile(
  entry: SourceEntry,
  { journal, files, sink }: { readonly journal: LockedJournal; readonly files: OutputFiles; readonly sink: PageSink },
): Promise<void> {
  const name = portableName(entry.name);
  const content = await sha256OfChunks(chunksOf(entry));
  const earlier = journal.history.carried(name);
  const last = earlier[0];
  if (last?.sha256 === content.sha256 && (await files.find(name, last)) !== undefined) return;
  const { number, replaces } = await files.place(name, content, earlier);
  await journal.append({ type: "carried", name, ...content, firstNumber: number });
  await sink.carry(entry, replaces === undefined ? undefined : numberedName(name, number));
}
