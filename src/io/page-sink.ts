/** Sinks for results: a folder or a ZIP/CBZ archive, behind one interface. A reader never sees half a file. */
import type { SinkMetadata } from "./names/output-rules.js";
import type { SourceEntry } from "./page-source.js";

/** Where results go: a folder, an archive or memory. */
export interface PageSink {
  /**
   * Writes a result under a relative name (forward slashes) and resolves to where it is: a path, for an archive the
   * entry's name. A folder takes `name_1`, `name_2`, … when the name exists and `overwrite` is off; an archive when it
   * has the name already. Rejects with `ERR_OUTPUT_WRITE` or `ERR_ARGUMENT` (a name that leads out). Calls may overlap;
   * an archive keeps their order.
   */
  write(name: string, bytes: Uint8Array): Promise<string>;
  /** Writes a file of the run's own under exactly this name, in place of what a killed run has left there. */
  replace(name: string, bytes: Uint8Array): Promise<string>;
  /**
   * Takes over a file of the input under its own name (ComicInfo.xml), made portable, without holding it whole.
   * Resolves to where it is. Where the file itself is at fault (`isFaultOfFile`), nothing of it is left and the sink
   * goes on.
   * @param replaces the exact name of an older copy, whose place it takes
   */
  carry(entry: SourceEntry, replaces?: string): Promise<string>;
  /** Writes the metadata and completes the output; resolves to the folder's or archive's path. Once, at the end. */
  finish(metadata?: SinkMetadata): Promise<string>;
  /**
   * Gives up: an archive vanishes, finished files of a folder stay. May be called after `finish`, then does nothing.
   */
  abort(): Promise<void>;
}

/** How results are named and what may be replaced. */
export interface PageSinkOptions {
  /** Replace what exists. Default false: a free name is taken. */
  readonly overwrite?: boolean;
  /** The comment of an archive, at most 65,535 bytes. Default: none. */
  readonly comment?: Uint8Array | undefined;
}
