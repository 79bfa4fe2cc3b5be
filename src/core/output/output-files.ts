/**
 * The files of an output folder: which of them are still as this output wrote them, by the journal's hashes, and under
 * which name a new one goes. What this output wrote is replaced by what it writes next; a file that somebody else wrote
 * or changed is kept, and the new one gets `_1`, `_2`, ….
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { outputError } from "../../io/files/file-errors.js";
import { numberedName } from "../../io/names/output-names.js";
import type { FileRecord } from "../journal/entries.js";
import { exists as pathExists } from "../../io/files/exists.js";

/** What distinguishes one file from another. */
export type FileDigest = Pick<FileRecord, "sha256" | "sizeBytes">;

/** A name for a file. */
export interface WrittenPlace {
  /** 2 for `name_2.png`. */
  readonly number: number;
  /** What has the name now, and may be replaced. */
  readonly replaces: FileDigest | undefined;
}

export class OutputFiles {
  /**
   * @param folder absolute or relative path of the folder
   * @param overwrite every file may be replaced, whoever wrote it
   * @param isRead whether a path is a file that the run reads: such a one is never replaced. Default: none is
   */
  constructor(
    readonly folder: string,
    readonly overwrite: boolean,
    readonly isRead: (path: string) => Promise<boolean> = async () => false,
  ) {}

  /** The number of the name under which a file got its place, if it is still as it was written. */
  async find(name: string, record: FileRecord): Promise<number | undefined> {
    for (let number = record.firstNumber; ; number++) {
      const path = this.path(name, number);
      const info = await stat(path).catch(() => undefined);
      if (info === undefined) return undefined;
      // What cannot be read is not known to be this output's.
      const isSame = async (): Promise<boolean> => (await fileSha256(path).catch(() => undefined)) === record.sha256;
      if (info.isFile() && info.size === record.sizeBytes && (await isSame())) return number;
      if (this.overwrite) return undefined;
    }
  }

  /**
   * Where a file of this content goes.
   * @param earlier what this output has written for the same thing, the last one first; what of it is unchanged is
   * replaced
   * @param suits whether a number is possible for what goes beside the file. Default: every one
   */
  async place(
    name: string,
    content: FileDigest,
    earlier: readonly FileRecord[],
    suits: (number: number) => Promise<boolean> = async () => true,
  ): Promise<WrittenPlace> {
    for (const record of this.overwrite ? [] : earlier) {
      const number = await this.find(name, record);
      if (number === undefined || !(await suits(number))) continue;
      const path = this.path(name, number);
      if (!(await isLink(path)) && !(await this.isRead(path))) return { number, replaces: record };
    }
    if (this.overwrite) {
      let number = 0;
      while (await this.isRead(this.path(name, number))) number++;
      const inPlace = await Promise.all(earlier.map((record) => this.find(name, { ...record, firstNumber: number })));
      return { number, replaces: earlier[inPlace.indexOf(number)] };
    }
    for (let number = 0; ; number++) {
      if (!(await suits(number))) continue;
      if (!(await isTaken(this.path(name, number)))) return { number, replaces: undefined };
      // The same bytes: left by a run that lost its lease, or whose journal is gone.
      const isSame = (await this.find(name, { ...content, firstNumber: number })) === number;
      if (isSame && !(await isLink(this.path(name, number)))) return { number, replaces: content };
    }
  }

  path(name: string, number = 0): string {
    return join(this.folder, numberedName(name, number));
  }
}

/** SHA-256 of a file in hex, without the file in memory. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Whether a path is a link. Somebody has put it there: no file takes its place unless that is asked for. */
export async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (info) => info.isSymbolicLink(),
    () => false,
  );
}

/** Whether something has the path already. Rejects with `ERR_OUTPUT_WRITE` if the system does not tell. */
async function isTaken(path: string): Promise<boolean> {
  return pathExists(path).catch((error: unknown) => Promise.reject(outputError(path, error)));
}
