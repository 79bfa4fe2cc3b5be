/** A folder as a page sink: each file written to a temporary name, synced and renamed. */
import { join } from "node:path";
import { BatchProcessingError } from "../../errors.js";
import { writeFileAtomic } from "./atomic-file.js";
import { makeFolder } from "./make-folder.js";
import { nameKey, portableName } from "../names/output-names.js";
import { checkOutputName, METADATA_NAME, metadataBytes, type SinkMetadata } from "../names/output-rules.js";
import type { PageSink } from "../page-sink.js";
import type { SourceEntry } from "../page-source.js";

export class FolderSink implements PageSink {
  readonly #folder: string;
  readonly #overwrite: boolean;
  /** Paths given in this run, the metadata's first: they are kept apart even when overwriting. */
  readonly #taken: Set<string>;
  #ended = false;

  private constructor(folder: string, overwrite: boolean) {
    this.#folder = folder;
    this.#overwrite = overwrite;
    this.#taken = new Set([nameKey(join(folder, METADATA_NAME))]);
  }

  static async open(folder: string, overwrite: boolean): Promise<FolderSink> {
    await makeFolder(folder);
    return new FolderSink(folder, overwrite);
  }

  async write(name: string, bytes: Uint8Array): Promise<string> {
    if (this.#ended)
      throw new BatchProcessingError(
        "ERR_STATE",
        `the output ${this.#folder} is ended; write "${name}" before finish() and abort()`,
      );
    checkOutputName(name);
    return writeFileAtomic(join(this.#folder, name), bytes, this.#overwrite, (path) => this.#claim(path), this.#folder);
  }

  async replace(name: string, bytes: Uint8Array): Promise<string> {
    checkOutputName(name);
    this.#taken.add(nameKey(join(this.#folder, name)));
    return writeFileAtomic(join(this.#folder, name), bytes, true, undefined, this.#folder);
  }

  async carry(entry: SourceEntry): Promise<string> {
    return this.write(portableName(entry.name), await entry.read());
  }

  async finish(metadata?: SinkMetadata): Promise<string> {
    if (metadata !== undefined) {
      await writeFileAtomic(join(this.#folder, METADATA_NAME), metadataBytes(metadata), true, undefined, this.#folder);
    }
    this.#ended = true;
    return this.#folder;
  }

  async abort(): Promise<void> {
    this.#ended = true;
  }

  #claim(path: string): boolean {
    const key = nameKey(path);
    if (this.#taken.has(key)) return false;
    this.#taken.add(key);
    return true;
  }
}
