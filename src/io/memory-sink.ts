/** A page sink that keeps results in memory. */
import { BatchProcessingError } from "../errors.js";
import { FreeNames } from "./names/free-names.js";
import { numberedName } from "./names/output-names.js";
import { checkOutputName, METADATA_NAME, type SinkMetadata } from "./names/output-rules.js";
import { nameKey, portableName } from "./names/portable-names.js";
import type { PageSink } from "./page-sink.js";
import type { SourceEntry } from "./page-source.js";
import { checkCarried, checkMetadata, checkResult } from "./sink-arguments.js";

/** Results by their names, in the order in which they were written. */
export interface MemorySink extends PageSink {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What describes the run; undefined before `finish`. */
  readonly metadata: SinkMetadata | undefined;
}

/** A sink in memory. Nothing is written to disk; what was written before an abort stays in `files`. */
export function memorySink(): MemorySink {
  return new ResultsInMemory();
}

class ResultsInMemory implements MemorySink {
  readonly files = new Map<string, Uint8Array>();
  readonly #names = new FreeNames({ key: nameKey, numbered: numberedName });
  #metadata: SinkMetadata | undefined;
  #ended = false;

  constructor() {
    this.#names.reserve(METADATA_NAME);
  }

  get metadata(): SinkMetadata | undefined {
    return this.#metadata;
  }

  async write(name: string, bytes: Uint8Array): Promise<string> {
    this.#check(name, bytes);
    const free = this.#names.take(name);
    this.files.set(free, bytes);
    return free;
  }

  async replace(name: string, bytes: Uint8Array): Promise<string> {
    this.#check(name, bytes);
    this.#names.reserve(name);
    this.files.set(name, bytes);
    return name;
  }

  async carry(entry: SourceEntry): Promise<string> {
    checkCarried(entry);
    return this.write(portableName(entry.name), await entry.read());
  }

  async finish(metadata?: SinkMetadata): Promise<string> {
    checkMetadata(metadata);
    this.#metadata = metadata;
    this.#ended = true;
    return "memory";
  }

  async abort(): Promise<void> {
    this.#ended = true;
  }

  #check(name: string, bytes: Uint8Array): void {
    checkResult(name, bytes);
    if (this.#ended)
      throw new BatchProcessingError("ERR_STATE", "the output in memory is ended", {
        remedy: `write "${name}" before finish() and abort()`,
      });
    checkOutputName(name);
  }
}
