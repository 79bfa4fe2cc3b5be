/** A folder as a page sink: each file written to a temporary name, synced and renamed. */
import { join } from "node:path";
import { BatchProcessingError } from "../../errors.js";
import { AtomicFile, writeFileAtomic, writeFileAtOnce } from "./atomic-file.js";
import { outputError } from "./file-errors.js";
import { makeFolder } from "./make-folder.js";
import { ownFilePath } from "./own-file.js";
import { isFolder } from "../../platform/folders.js";
import { nameKey, portableName } from "../names/portable-names.js";
import { checkOutputName, METADATA_NAME, metadataBytes, type SinkMetadata } from "../names/output-rules.js";
import type { PageSink } from "../page-sink.js";
import { chunksOf, type SourceEntry } from "../page-source.js";
import { checkCarried, checkMetadata, checkResult } from "../sink-arguments.js";

/** Fewer zeros than these are written out. */
const LEAST_HOLE_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(2 ** 20);

function isZero(bytes: Uint8Array): boolean {
  return bytes.byteLength <= ZEROS.byteLength && Buffer.compare(bytes, ZEROS.subarray(0, bytes.byteLength)) === 0;
}

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
    checkResult(name, bytes);
    this.#assertOpen(name);
    checkOutputName(name);
    const target = join(this.#folder, name);
    if (this.#claim(target)) {
      let isWritten = false;
      try {
        isWritten = await writeFileAtOnce(target, bytes, this.#overwrite, this.#folder);
      } finally {
        if (!isWritten) this.#taken.delete(nameKey(target)); // the long way claims it again
      }
      if (isWritten) return target;
    }
    return writeFileAtomic(target, bytes, this.#overwrite, (path) => this.#claim(path), this.#folder);
  }

  async replace(name: string, bytes: Uint8Array): Promise<string> {
    checkResult(name, bytes);
    checkOutputName(name);
    const target = join(this.#folder, name);
    this.#taken.add(nameKey(target));
    if (await writeFileAtOnce(target, bytes, true, this.#folder)) return target;
    return writeFileAtomic(target, bytes, true, undefined, this.#folder);
  }

  async carry(entry: SourceEntry, replaces?: string): Promise<string> {
    checkCarried(entry, replaces);
    const name = replaces ?? portableName(entry.name);
    this.#assertOpen(name);
    checkOutputName(name);
    const path = join(this.#folder, name);
    const file = await AtomicFile.create(path, this.#folder);
    try {
      for await (const chunk of chunksOf(entry)) {
        if (chunk.byteLength >= LEAST_HOLE_BYTES && isZero(chunk)) file.appendHole(chunk.byteLength);
        else await file.append([chunk]).catch((cause: unknown) => Promise.reject(outputError(path, cause)));
      }
    } catch (error) {
      await file.discard();
      throw error;
    }
    if (replaces === undefined) return file.commit(this.#overwrite, (candidate) => this.#claim(candidate));
    this.#taken.add(nameKey(path));
    return file.commit(true);
  }

  async finish(metadata?: SinkMetadata): Promise<string> {
    checkMetadata(metadata);
    if (metadata !== undefined) {
      const path = join(this.#folder, METADATA_NAME);
      const target = this.#overwrite && !(await isFolder(path)) ? path : await ownFilePath(path);
      await writeFileAtomic(target, metadataBytes(metadata), true, undefined, this.#folder);
    }
    this.#ended = true;
    return this.#folder;
  }

  async abort(): Promise<void> {
    this.#ended = true;
  }

  #assertOpen(name: string): void {
    if (this.#ended)
      throw new BatchProcessingError("ERR_STATE", `the output ${this.#folder} is ended`, {
        remedy: `write "${name}" before finish() and abort()`,
      });
  }

  #claim(path: string): boolean {
    const key = nameKey(path);
    if (this.#taken.has(key)) return false;
    this.#taken.add(key);
    return true;
  }
}
