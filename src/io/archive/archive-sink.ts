/**
 * A ZIP or CBZ archive as a page sink: entries stored without compression in the order of the calls, with fixed times
 * and modes, so that the same calls give the same bytes. Written to a temporary file beside the target, which gets its
 * name at `finish`.
 */
import { stat } from "node:fs/promises";
import { BatchProcessingError, ResourceError } from "../../errors.js";
import { AtomicFile } from "../files/atomic-file.js";
import { outputError } from "../files/file-errors.js";
import { firstFreeName, nameKey, portableName } from "../names/output-names.js";
import { checkOutputName, METADATA_NAME, metadataBytes, type SinkMetadata } from "../names/output-rules.js";
import type { PageSink } from "../page-sink.js";
import type { SourceEntry } from "../page-source.js";
import { ZipWriter } from "./zip-writer.js";

export class ArchiveSink implements PageSink {
  readonly #path: string;
  readonly #overwrite: boolean;
  readonly #file: AtomicFile;
  readonly #zip = new ZipWriter();
  /** Names of entries, the metadata's set aside from the beginning. */
  readonly #taken = new Set([nameKey(METADATA_NAME)]);
  /** The end of the calls so far: entries are added one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #state: "open" | "finished" | "aborted" = "open";
  #fault: unknown;

  private constructor(path: string, overwrite: boolean, file: AtomicFile) {
    this.#path = path;
    this.#overwrite = overwrite;
    this.#file = file;
  }

  static async open(path: string, overwrite: boolean): Promise<ArchiveSink> {
    const existing = overwrite ? await stat(path).catch(() => undefined) : undefined;
    if (existing?.isDirectory() === true)
      throw new ResourceError(
        "ERR_OUTPUT_WRITE",
        `cannot write ${path}: a folder is in the way; choose another name or remove it`,
      );
    return new ArchiveSink(path, overwrite, await AtomicFile.create(path));
  }

  async write(name: string, bytes: Uint8Array): Promise<string> {
    this.#assertOpen(name);
    checkOutputName(name);
    const free = firstFreeName(name, (candidate) => this.#taken.has(nameKey(candidate)));
    this.#taken.add(nameKey(free));
    await this.#inOrder(() => this.#add(free, bytes));
    return free;
  }

  replace(name: string, bytes: Uint8Array): Promise<string> {
    return this.write(name, bytes);
  }

  async carry(entry: SourceEntry): Promise<string> {
    return this.write(portableName(entry.name), await entry.read());
  }

  async finish(metadata?: SinkMetadata): Promise<string> {
    this.#assertOpen("the end");
    this.#state = "finished";
    try {
      if (metadata !== undefined) await this.#inOrder(() => this.#add(METADATA_NAME, metadataBytes(metadata)));
      await this.#inOrder(() => this.#append(() => this.#zip.end()));
    } catch (error) {
      await this.#file.discard();
      throw error;
    }
    return this.#file.commit(this.#overwrite);
  }

  async abort(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "aborted";
    this.#fault ??= new BatchProcessingError("ERR_STATE", `the output ${this.#path} was given up`);
    await this.#tail;
    await this.#file.discard();
  }

  #assertOpen(name: string): void {
    if (this.#state !== "open")
      throw new BatchProcessingError(
        "ERR_STATE",
        `the output ${this.#path} is ${this.#state}; write "${name}" before finish() and abort()`,
      );
  }

  #inOrder(action: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(action);
    this.#tail = result.catch(() => {});
    return result;
  }

  /** Waits until an entry is in the file, so that one entry is in memory at a time. */
  #add(name: string, bytes: Uint8Array): Promise<void> {
    return this.#append(() => this.#zip.add(name, bytes));
  }

  /** Writes the archive's next bytes in one go. After a failure nothing is written any more. */
  async #append(next: () => Promise<Uint8Array[]>): Promise<void> {
    this.#throwFault();
    try {
      await this.#file.append(await next());
    } catch (error) {
      this.#fault ??= error;
    }
    this.#throwFault();
  }

  #throwFault(): void {
    if (this.#fault !== undefined)
      throw this.#fault instanceof BatchProcessingError ? this.#fault : outputError(this.#path, this.#fault);
  }
}
