/**
 * Files that appear whole or not at all: temporary name beside the target → sync → link or rename → sync of the folder.
 */
import { randomBytes } from "node:crypto";
import { link, open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ResourceError, systemCode } from "../../errors.js";
import { outputError } from "./file-errors.js";
import { makeFolder } from "./make-folder.js";
import { numberedName } from "../names/output-names.js";
import { isLeftOver, processScope } from "../../platform/process-identity.js";
import { processExists } from "../../platform/processes.js";

/** Prefix of temporary names; what is left of them after a kill may be deleted. */
const TEMPORARY_PREFIX = ".cobra-";
const TEMPORARY_NAME = /^\.cobra-([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.tmp$/;

/** A new name for a temporary file or folder. */
export function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${processScope()}-${process.pid}-${randomBytes(6).toString("hex")}.tmp`;
}

/** Removes temporary files and folders in a folder whose process is gone. Best effort: never rejects. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, scope, pid] = TEMPORARY_NAME.exec(name) ?? [];
    if (scope === undefined) continue;
    const path = join(folder, name);
    const liveness = scope !== processScope() ? "unknown" : processExists(Number(pid)) ? "alive" : "gone";
    if (isLeftOver(liveness, await ageMs(path))) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

async function ageMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
}

/** Grants a path to a writer once; false for one that is given away. */
export type Claim = (path: string) => boolean;

/** What may be unsynced before the disk is put to work: the sync at the end then has little left to wait for. */
const FLUSH_BYTES = 16 * 2 ** 20;

/** A file being written. Ends with `commit` or `discard`; both close it. */
export class AtomicFile {
  readonly #target: string;
  readonly #path: string;
  readonly handle: FileHandle;
  #open = true;
  #unflushedBytes = 0;
  /** A sync under way, and what came of it. Whoever waits for it learns of its failure, which the system tells once. */
  #flushing: Promise<void> | undefined;

  private constructor(target: string, path: string, handle: FileHandle) {
    this.#target = target;
    this.#path = path;
    this.handle = handle;
  }

  /**
   * Starts a file that is to be `target`; makes its folder. Rejects with `ERR_OUTPUT_WRITE`.
   * @param root the output's folder, which is not made: where it has vanished, the file is not written
   */
  static async create(target: string, root?: string): Promise<AtomicFile> {
    const folder = dirname(target);
    const path = join(folder, temporaryName());
    await makeFolder(folder, root);
    try {
      return new AtomicFile(target, path, await open(path, "wx", 0o644));
    } catch (cause) {
      throw outputError(target, cause);
    }
  }

  /** Appends all bytes of several pieces. A large file is synced bit by bit while more is appended. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    await writeAllFully(this.handle, pieces);
    for (const { byteLength } of pieces) this.#unflushedBytes += byteLength;
    if (this.#unflushedBytes < FLUSH_BYTES) return;
    this.#unflushedBytes = 0;
    await this.#flushing;
    this.#flushing = this.handle.datasync();
    this.#flushing.catch(() => {});
  }

  /**
   * Gives the file its name and returns the path: the first of `x`, `x_1`, `x_2`, … that `claim` grants and that does
   * not exist (with `overwrite`, what exists is replaced). Holds also when another process takes names at the same
   * moment. Rejects with `ERR_OUTPUT_WRITE`; then nothing is left behind.
   */
  async commit(overwrite: boolean, claim: Claim = () => true): Promise<string> {
    try {
      await this.#flushing;
      await this.handle.sync();
      await this.#close();
      return await placeFile(this.#path, this.#target, { overwrite, claim });
    } catch (cause) {
      await this.discard();
      throw cause instanceof ResourceError ? cause : outputError(this.#target, cause);
    }
  }

  /** Removes what was written. Never rejects. */
  async discard(): Promise<void> {
    await this.#flushing?.catch(() => {});
    await this.#close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.handle.close();
  }
}

/**
 * Gives a finished file its name and returns the path: the first of `x`, `x_1`, `x_2`, … that `claim` grants and that
 * does not exist; with `overwrite`, what exists is replaced. Both names must be on the same file system.
 * @param from the first number that is tried
 */
export async function placeFile(
  path: string,
  target: string,
  { overwrite = false, from = 0, claim = () => true }: { overwrite?: boolean; from?: number; claim?: Claim } = {},
): Promise<string> {
  for (let n = from; ; n++) {
    const candidate = numberedName(target, n);
    if (!claim(candidate)) continue;
    if (overwrite) await rename(path, candidate);
    else if (!(await moveWithoutClobber(path, candidate))) continue;
    await syncFolder(dirname(candidate));
    return candidate;
  }
}

/**
 * Moves to a name unless it exists. A hard link tells atomically; file systems without links get a check and a rename.
 */
async function moveWithoutClobber(path: string, candidate: string): Promise<boolean> {
  try {
    await link(path, candidate);
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST") return false;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "EMLINK" && code !== "ENOSYS")
      throw error;
    if (await exists(candidate)) return false;
    await rename(path, candidate);
    return true;
  }
  await rm(path, { force: true });
  return true;
}

/** Writes a whole file atomically and returns its path (see `AtomicFile.commit`). */
export async function writeFileAtomic(
  target: string,
  bytes: Uint8Array,
  overwrite: boolean,
  claim?: Claim,
  root?: string,
): Promise<string> {
  const file = await AtomicFile.create(target, root);
  try {
    await writeFully(file.handle, bytes);
  } catch (cause) {
    await file.discard();
    throw outputError(target, cause);
  }
  return file.commit(overwrite, claim);
}

/** Appends all bytes to an open file. */
export async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) done += (await file.write(bytes, done)).bytesWritten;
}

/** Appends all bytes of several pieces to an open file, by one call of the system where it takes them. */
async function writeAllFully(file: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  let { bytesWritten } = await file.writev(pieces);
  for (const piece of pieces) {
    if (bytesWritten < piece.byteLength) await writeFully(file, piece.subarray(bytesWritten));
    bytesWritten = Math.max(0, bytesWritten - piece.byteLength);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => (systemCode(error) === "ENOENT" ? false : Promise.reject(error)),
  );
}

/** Makes a rename durable. File systems that cannot sync a folder are let be. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = systemCode(error);
    if (code !== "EINVAL" && code !== "EPERM" && code !== "EACCES" && code !== "ENOTSUP") throw error;
  }
}
