/**
 * Tells apart what an archive holds that is about to be replaced: pictures and layers that this product wrote, which
 * go, and everything else, which somebody has put there and which the new archive takes over with name and bytes.
 * Where something would be lost, the archive is not replaced.
 */
import { messageOf } from "../../errors.js";
import { openStoredFiles, type StoredFiles } from "../../io/archive/stored-files.js";
import { isFaultOfFile } from "../../io/files/file-errors.js";
import { METADATA_NAME } from "../../io/names/output-rules.js";
import { printableName } from "../../io/names/safe-name.js";
import type { PageSink } from "../../io/page-sink.js";
import { chunksOf, type SourceEntry } from "../../io/page-source.js";
import { sha256, sha256OfChunks } from "../../platform/sha256.js";
import type { CarriedOrigins } from "../journal/entries.js";
import type { RunHistory } from "../journal/history.js";
import { copiesByName } from "./carried-origins.js";
import { layerPaths } from "./layer-records.js";
import type { OwnArchive } from "./own-archive.js";

export class ReplacedArchive {
  readonly #stored: StoredFiles | undefined;
  /** By name, the hashes of what this product put there. */
  readonly #written: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #isCommentOurs: (comment: Uint8Array | undefined) => Promise<boolean>;
  #loss: string | undefined;

  private constructor(stored: StoredFiles | undefined, history: RunHistory, copies: CarriedOrigins | undefined) {
    this.#stored = stored;
    this.#written = writtenFiles(history, copies?.files ?? []);
    this.#isCommentOurs = async (comment) =>
      copies !== undefined && copies.comment === (comment && (await sha256(comment)));
  }

  /**
   * Never rejects: from an archive that cannot be read all is lost.
   * @param keepCopies unchanged copies of the input's other files stay as well, and are not made anew
   */
  static async open({ path, entry }: OwnArchive, history: RunHistory, keepCopies: boolean): Promise<ReplacedArchive> {
    let fault: string | undefined;
    const stored = await openStoredFiles(path).catch((error: unknown) => void (fault = messageOf(error)));
    const archive = new ReplacedArchive(stored ?? undefined, history, keepCopies ? undefined : entry.carried);
    if (fault !== undefined) archive.#loss = `cannot be read (${fault})`;
    for (const { name, reason } of stored?.uncopied ?? []) archive.#lose(name, reason);
    return archive;
  }

  /** The comment of the archive that follows: this one's, unless that is a copy of an input's. */
  async commentOr(next: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    const comment = this.#stored?.comment;
    return (await this.#isCommentOurs(comment)) ? next : comment;
  }

  /** The first thing that would be lost, as the rest of a sentence about the archive. */
  get loss(): string | undefined {
    return this.#loss;
  }

  /**
   * Copies what somebody has put into the archive.
   * @param packed the new archive's pictures and layers by name, with their hashes
   * @returns the names that the new archive has now besides
   */
  async carryInto(sink: PageSink, packed: ReadonlyMap<string, string>): Promise<Set<string>> {
    const carried = new Set<string>();
    for (const file of this.#stored?.files ?? []) {
      const { name } = file;
      if (name === METADATA_NAME) continue;
      try {
        if (await this.#isOurs(file, packed)) continue;
        if (packed.has(name)) {
          this.#lose(name, "it was changed or added by somebody, and a page's new file has this name");
          continue;
        }
        const given = await sink.carry(file);
        carried.add(given);
        if (given !== name) this.#lose(name, `it would get the name ${given}`);
      } catch (error) {
        if (!isFaultOfFile(error)) throw error;
        this.#lose(name, messageOf(error));
      }
    }
    return carried;
  }

  async close(): Promise<void> {
    await this.#stored?.close();
  }

  /** Whether a file is a picture or layer that this product wrote, or that the new archive has. */
  async #isOurs(file: SourceEntry, packed: ReadonlyMap<string, string>): Promise<boolean> {
    const written = this.#written.get(file.name);
    const next = packed.get(file.name);
    if (written === undefined && next === undefined) return false;
    const { sha256: hash } = await sha256OfChunks(chunksOf(file));
    return hash === next || written?.has(hash) === true;
  }

  #lose(name: string, reason: string): void {
    this.#loss ??= `holds "${printableName(name)}", which would be lost (${reason})`;
  }
}

/** By name, the hashes of all pictures, layers and copies as they were written. */
function writtenFiles(history: RunHistory, copies: CarriedOrigins["files"]): Map<string, Set<string>> {
  const files = new Map<string, Set<string>>();
  const add = (name: string, hash: string): void => void files.set(name, (files.get(name) ?? new Set()).add(hash));
  for (const { outputName, sha256: hash, written, layers = [] } of history.allPictures) {
    add(outputName, written ?? hash);
    for (const [index, name] of layerPaths(outputName, layers).entries())
      add(name, layers[index]!.written ?? layers[index]!.sha256);
  }
  for (const [name, hashes] of copiesByName(copies)) for (const hash of hashes) add(name, hash);
  return files;
}
