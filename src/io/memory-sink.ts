/** A page sink that keeps results in memory. */
import { BatchProcessingError } from "../errors.js";
import { checkArgument, checkMethods, checkText } from "../errors/arguments.js";
import { FreeNames } from "./names/free-names.js";
import { numberedName } from "./names/output-names.js";
import { checkOutputName, METADATA_NAME, type SinkMetadata } from "./names/output-rules.js";
import { nameKey, portableName } from "./names/portable-names.js";
import type { PageSink } from "./page-sink.js";
import type { SourceEntry } from "./page-source.js";

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
    checkMethods("the entry", entry, ["read"]);
    checkText("the entry's name", entry.name);
    return this.write(portableName(entry.name), await entry.read());
  }

  async finish(metadata?: SinkMetadata): Promise<string> {
    this.#metadata = metadata;
    this.#ended = true;
    return "memory";
  }

  async abort(): Promise<void> {
    this.#ended = true;
  }

  #check(name: string, bytes: Uint8Array): void {
    checkText("the name", name);
    checkArgument(bytes instanceof Uint8Array, `the bytes of ${name}`, bytes, "a Uint8Array or Buffer");
    if (this.#ended)
      throw new BatchProcessingError("ERR_STATE", "the output in memory is ended", {
        remedy: `write "${name}" before finish() and abort()`,
      });
    checkOutputName(name);
  }
}
