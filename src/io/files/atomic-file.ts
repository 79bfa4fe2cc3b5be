/**
 * Files that appear whole or not at all: temporary name beside the target → sync → link or rename → sync of the folder.
 */
import { randomBytes } from "node:crypto";
import { chmod, link, lstat, open, readdir, rename, rm, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeWhole } from "../../binding/files.js";
import { ResourceError, systemCode } from "../../errors.js";
import { exists } from "./exists.js";
import { outputError } from "./file-errors.js";
import { makeFolder } from "./make-folder.js";
import { numberedName } from "../names/output-names.js";
import { isLeftOver, processScope } from "../../platform/process-identity.js";
import { processExists } from "../../platform/processes.js";
import { lacksLinks, syncFolder } from "../../platform/storage.js";
import { removeTree } from "./remove-tree.js";

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
    if (isLeftOver(liveness, await ageMs(path))) await removeTree(path).catch(() => {});
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
  #sizeBytes = 0;
  #unflushedBytes = 0;
  /** The last bytes are a hole, which the file does not reach over by itself. */
  #endsInHole = false;
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
      const there = await lstat(target).catch(() => undefined);
      const mode = there?.isFile() === true ? there.mode & 0o666 : undefined; // no more than what it replaces
      return new AtomicFile(target, path, await open(path, "wx", mode));
    } catch (cause) {
      throw outputError(target, cause);
    }
  }

  /** What has been appended. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Appends all bytes of several pieces. A large file is synced bit by bit while more is appended. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    const appended = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
    await writePieces(this.handle, pieces, this.#sizeBytes);
    this.#sizeBytes += appended;
    if (appended > 0) this.#endsInHole = false;
    this.#unflushedBytes += appended;
    if (this.#unflushedBytes < FLUSH_BYTES) return;
    this.#unflushedBytes = 0;
    await this.#flushing;
    this.#flushing = this.handle.datasync();
    this.#flushing.catch(() => {});
  }

  /** Appends a hole, which reads as zeros and takes no room where the file system has holes. */
  appendHole(sizeBytes: number): void {
    this.#sizeBytes += sizeBytes;
    this.#endsInHole = true;
  }

  /** Writes over what has been appended. */
  async patch(bytes: Uint8Array, position: number): Promise<void> {
    await writeFully(this.handle, bytes, position);
  }

  /** Takes back what was appended last. */
  async truncate(sizeBytes: number): Promise<void> {
    await this.#flushing;
    await this.handle.truncate(sizeBytes);
    this.#sizeBytes = sizeBytes;
    this.#endsInHole = false;
  }

  /**
   * Gives the file its name and returns the path: the first of `x`, `x_1`, `x_2`, … that `claim` grants and that does
   * not exist (with `overwrite`, what exists is replaced). Holds also when another process takes names at the same
   * moment. Rejects with `ERR_OUTPUT_WRITE`; then nothing is left behind.
   */
  async commit(overwrite: boolean, claim: Claim = () => true): Promise<string> {
    try {
      await this.#flushing;
      if (this.#endsInHole) await this.handle.truncate(this.#sizeBytes);
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
    if (overwrite) {
      await takePermissions(path, candidate);
      await rename(path, candidate);
    } else {
      if (n > 0) await takePermissions(path, target);
      if (!(await moveWithoutClobber(path, candidate))) continue;
    }
    await syncFolder(dirname(candidate));
    return candidate;
  }
}

/** What replaces a file, or gets a number because of it, has its permissions: what is private stays private. */
async function takePermissions(path: string, replaced: string): Promise<void> {
  const info = await lstat(replaced).catch(() => undefined);
  if (info?.isFile() === true) await chmod(path, info.mode & 0o777).catch(() => {});
}

/**
 * Moves to a name unless it exists. A hard link tells atomically; file systems without links get a check and a rename.
 */
async function moveWithoutClobber(path: string, candidate: string): Promise<boolean> {
  try {
    await link(path, candidate);
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    if (!lacksLinks(error)) throw error;
    if (await exists(candidate)) return false;
    await rename(path, candidate);
    return true;
  }
  await unlink(path).catch((error: unknown) => {
    if (systemCode(error) !== "ENOENT") throw error;
  });
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
    await writeFully(file.handle, bytes, 0);
  } catch (cause) {
    await file.discard();
    throw outputError(target, cause);
  }
  return file.commit(overwrite, claim);
}

/**
 * The same for the name itself, in one trip to another thread, as pages are written.
 * @returns false where the file has not got its name; then nothing is left of it, and `writeFileAtomic` tells why
 */
export async function writeFileAtOnce(
  target: string,
  bytes: Uint8Array,
  overwrite: boolean,
  root?: string,
): Promise<boolean> {
  const folder = dirname(target);
  await makeFolder(folder, root);
  const temporary = join(folder, temporaryName());
  return writeWhole(bytes, { folder, temporary, target, overwrite }).catch((cause: unknown) => {
    throw cause instanceof ResourceError ? cause : outputError(target, cause);
  });
}

/** What one call of the system writes. */
const WRITE_BYTES = 2 ** 30;

/** Writes all bytes to an open file, at a position or, without one, behind what was written last. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const at = position === undefined ? null : position + done;
    done += (await file.write(bytes, done, Math.min(WRITE_BYTES, bytes.byteLength - done), at)).bytesWritten;
  }
}

/** Writes all bytes of several pieces at a position, by one call of the system where it takes them. */
async function writePieces(file: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<void> {
  const all = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  let written = all <= WRITE_BYTES ? (await file.writev(pieces, position)).bytesWritten : 0;
  let at = position;
  for (const piece of pieces) {
    if (written < piece.byteLength) await writeFully(file, piece.subarray(written), at + written);
    written = Math.max(0, written - piece.byteLength);
    at += piece.byteLength;
  }
}
