/**
 * A ZIP or CBZ archive as a page sink: entries stored without compression in the order of the calls, with fixed times and modes, so
 * that the same calls give the same bytes. Written to a temporary file beside the target, which gets its name at `finish`.
 */
import { stat } from "node:fs/promises";
import { Writable } from "node:stream";
import { callbackify } from "node:util";
import { ZipFile } from "yazl";
import { BatchProcessingError, ResourceError } from "../errors.js";
import { AtomicFile, writeFully } from "./atomic-file.js";
import { outputError } from "./file-errors.js";
import { firstFreeName, nameKey, portableName } from "./output-names.js";
import { checkOutputName, METADATA_NAME, metadataBytes, type SinkMetadata } from "./output-rules.js";
import type { PageSink } from "./page-sink.js";
import type { SourceEntry } from "./page-source.js";

const append = callbackify(writeFully);

/** Stored, and with one fixed time; local, as ZIP times are, so the bytes do not depend on the time zone. */
function entryOptions(): { compress: false; mtime: Date; forceDosTimestamp: true; mode: number } {
  return { compress: false, mtime: new Date(2000, 0, 1), forceDosTimestamp: true, mode: 0o100644 };
}

export class ArchiveSink implements PageSink {
  readonly #path: string;
  readonly #overwrite: boolean;
  readonly #file: AtomicFile;
  readonly #zip = new ZipFile();
  readonly #writable: Writable;
  /** Names of entries, the metadata's set aside from the beginning. */
  readonly #taken = new Set([nameKey(METADATA_NAME)]);
  /** The end of the calls so far: entries are added one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #state: "open" | "finished" | "aborted" = "open";
  #fault: unknown;
  #waiting: (() => void) | undefined;

  private constructor(path: string, overwrite: boolean, file: AtomicFile) {
    this.#path = path;
    this.#overwrite = overwrite;
    this.#file = file;
    this.#writable = new Writable({
      write: (chunk: Uint8Array, _encoding, callback) => append(file.handle, chunk, (error) => {
        callback(error);
        setImmediate(() => this.#waiting?.());
      }),
    });
    this.#writable.on("error", (error) => this.#fail(error));
    this.#writable.on("finish", () => this.#waiting?.());
    this.#zip.on("error", (error: unknown) => this.#fail(error));
    this.#zip.outputStream.pipe(this.#writable);
  }

  static async open(path: string, overwrite: boolean): Promise<ArchiveSink> {
    const existing = overwrite ? await stat(path).catch(() => undefined) : undefined;
    if (existing?.isDirectory() === true) throw new ResourceError("ERR_OUTPUT_WRITE", `cannot write ${path}: a folder is in the way; choose another name or remove it`);
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
      await this.#inOrder(async () => {
        this.#zip.end();
        await this.#until(() => this.#writable.writableFinished);
      });
    } catch (error) {
      await this.#file.discard();
      throw error;
    }
    return this.#file.commit(this.#overwrite);
  }

  async abort(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "aborted";
    this.#fail(new BatchProcessingError("ERR_STATE", `the output ${this.#path} was given up`));
    await this.#tail;
    this.#writable.destroy();
    await this.#file.discard();
  }

  #assertOpen(name: string): void {
    if (this.#state !== "open") throw new BatchProcessingError("ERR_STATE", `the output ${this.#path} is ${this.#state}; write "${name}" before finish() and abort()`);
  }

  #inOrder(action: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(action);
    this.#tail = result.catch(() => {});
    return result;
  }

  /** Hands an entry to yazl and waits until all of it is in the file, so that one entry is in memory at a time. */
  async #add(name: string, bytes: Uint8Array): Promise<void> {
    this.#throwFault();
    this.#zip.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name, entryOptions());
    await this.#until(() => this.#pendingBytes() === 0);
    releaseEntry(this.#zip);
  }

  #pendingBytes(): number {
    const { writableLength, readableLength } = this.#zip.outputStream as unknown as { writableLength: number; readableLength: number };
    return writableLength + readableLength + this.#writable.writableLength;
  }

  /** Waits for a condition that changes when the file has taken bytes, has ended or has failed: each of them wakes it. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      this.#throwFault();
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#throwFault();
  }

  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault instanceof BatchProcessingError ? this.#fault : outputError(this.#path, this.#fault);
  }

  #fail(error: unknown): void {
    this.#fault ??= error;
    this.#waiting?.();
  }
}

/** yazl keeps the bytes of each entry until the archive ends, in the closure that wrote them; written ones are let go. */
function releaseEntry(zip: ZipFile): void {
  const last = (zip as unknown as { entries: { doFileDataPump: unknown }[] }).entries.at(-1);
  if (last !== undefined) last.doFileDataPump = undefined;
}
