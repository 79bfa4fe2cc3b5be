/**
 * A ZIP or CBZ archive as a page sink: entries stored without compression in the order of the calls, with fixed times
 * and modes, so that the same calls give the same bytes. Written to a temporary file beside the target, which gets its
 * name at `finish`.
 */
import { stat } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { BatchProcessingError, ResourceError, ValidationError } from "../../errors.js";
import { AtomicFile } from "../files/atomic-file.js";
import { outputError } from "../files/file-errors.js";
import { fileBehindLink } from "../files/real-path.js";
import { FreeNames } from "../names/free-names.js";
import { numberedName } from "../names/output-names.js";
import { nameKey, portableName } from "../names/portable-names.js";
import { checkOutputName, METADATA_NAME, metadataBytes, type SinkMetadata } from "../names/output-rules.js";
import type { PageSink, PageSinkOptions } from "../page-sink.js";
import { chunksOf, type SourceEntry } from "../page-source.js";
import { checkCarried, checkMetadata, checkResult } from "../sink-arguments.js";
import { ZipWriter } from "./zip-writer.js";

export class ArchiveSink implements PageSink {
  readonly #path: string;
  readonly #overwrite: boolean;
  readonly #file: AtomicFile;
  readonly #zip = new ZipWriter();
  readonly #comment: Uint8Array | undefined;
  /** Names of entries, the metadata's set aside from the beginning. */
  readonly #names = new FreeNames({ key: nameKey, numbered: numberedName });
  /** The end of the calls so far: entries are added one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #state: "open" | "finished" | "aborted" = "open";
  #fault: unknown;

  private constructor(path: string, { overwrite = false, comment }: PageSinkOptions, file: AtomicFile) {
    this.#path = path;
    this.#overwrite = overwrite;
    this.#comment = comment;
    this.#file = file;
    this.#names.reserve(METADATA_NAME);
  }

  static async open(named: string, options: PageSinkOptions): Promise<ArchiveSink> {
    const path = await fileBehindLink(named);
    const { overwrite = false } = options;
    const existing = overwrite ? await stat(path).catch(() => undefined) : undefined;
    if (existing?.isDirectory() === true)
      throw new ResourceError("ERR_OUTPUT_WRITE", `cannot write ${path}: a folder is in the way`, {
        remedy: "choose another name or remove it",
      });
    return new ArchiveSink(path, options, await AtomicFile.create(path));
  }

  async write(name: string, bytes: Uint8Array): Promise<string> {
    checkResult(name, bytes);
    const free = this.#take(name);
    await this.#inOrder(() => this.#add(free, bytes));
    return free;
  }

  replace(name: string, bytes: Uint8Array): Promise<string> {
    return this.write(name, bytes);
  }

  async carry(entry: SourceEntry): Promise<string> {
    checkCarried(entry);
    const free = this.#take(portableName(entry.name));
    await this.#inOrder(() => this.#addChunks(free, entry));
    return free;
  }

  async finish(metadata?: SinkMetadata): Promise<string> {
    checkMetadata(metadata);
    this.#assertOpen("the end");
    this.#state = "finished";
    try {
      if (metadata !== undefined) await this.#inOrder(() => this.#add(METADATA_NAME, metadataBytes(metadata)));
      await this.#inOrder(() => this.#append(() => this.#zip.end(this.#comment)));
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
      throw new BatchProcessingError("ERR_STATE", `the output ${this.#path} is ${this.#state}`, {
        remedy: `write "${name}" before finish() and abort()`,
      });
  }

  /** A free name for an entry, which has it from now on. */
  #take(name: string): string {
    this.#assertOpen(name);
    checkOutputName(name);
    return this.#names.take(name);
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

  /** An entry of any size, piece by piece. One that cannot be read to its end is taken back. */
  async #addChunks(name: string, entry: SourceEntry): Promise<void> {
    const start = this.#file.sizeBytes;
    const started = this.#zip.start(name, entry.sizeBytes);
    await this.#append(() => [started.header]);
    let crc = 0;
    let doneBytes = 0;
    try {
      for await (const chunk of chunksOf(entry)) {
        await this.#append(() => [chunk]);
        crc = crc32(chunk, crc);
        doneBytes += chunk.byteLength;
      }
      if (doneBytes !== entry.sizeBytes)
        throw new ValidationError(
          "ERR_INPUT_NOT_FOUND",
          `${entry.name} has ${doneBytes} bytes and had ${entry.sizeBytes}: it was changed while it was read`,
          { remedy: "run again" },
        );
    } catch (error) {
      if (this.#fault === undefined) await this.#write(() => this.#file.truncate(start));
      throw error;
    }
    await this.#write(() => this.#file.patch(started.complete(crc), started.crcOffset));
  }

  /** Writes the archive's next bytes in one go. */
  #append(next: () => Uint8Array[]): Promise<void> {
    return this.#write(() => this.#file.append(next()));
  }

  /** After a failure nothing is written any more. */
  async #write(action: () => Promise<void>): Promise<void> {
    this.#throwFault();
    try {
      await action();
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
