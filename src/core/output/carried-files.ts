/** Other files of an input, such as ComicInfo.xml, copied to an output folder. */
import { numberedName, portableName } from "../../io/names/output-names.js";
import type { PageSink } from "../../io/page-sink.js";
import type { SourceEntry } from "../../io/page-source.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import { sha256 } from "../../platform/sha256.js";
import type { OutputFiles } from "./output-files.js";

/** Copies a file unless an earlier run has; its own older copy is replaced. */
export async function carryFile(
  entry: SourceEntry,
  { journal, files, sink }: { readonly journal: LockedJournal; readonly files: OutputFiles; readonly sink: PageSink },
): Promise<void> {
  const bytes = await entry.read();
  const name = portableName(entry.name);
  const content = { sha256: await sha256(bytes), sizeBytes: bytes.byteLength };
  const earlier = journal.history.carried(name);
  const last = earlier[0];
  if (last?.sha256 === content.sha256 && (await files.find(name, last)) !== undefined) return;
  const { number, replaces } = await files.place(name, content, earlier);
  await journal.append({ type: "carried", name, ...content, firstNumber: number });
  if (replaces === undefined) await sink.write(name, bytes);
  else await sink.replace(numberedName(name, number), bytes);
}
