/** A file that comes bit by bit and is hashed while it does. What has come is kept until it is whole. */
import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { outputError } from "../../io/files/file-errors.js";
import { writeFully } from "../../io/files/atomic-file.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { syncFolder } from "../../platform/storage.js";

const SUFFIX = ".part";
const READ_BYTES = 2 ** 20;

/** Whether a name is one that a part of this file has had. */
function isPartOf(target: string, name: string): boolean {
  const start = `${basename(target)}.`;
  return name.startsWith(start) && /^[0-9a-f]{12}\.part$/u.test(name.slice(start.length));
}

/** Errors are ResourceError `ERR_OUTPUT_WRITE`. */
export class PartFile {
  readonly #target: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash("sha256");
  #sizeBytes = 0;

  private constructor(target: string, path: string, handle: FileHandle) {
    this.#target = target;
    this.#path = path;
    this.#handle = handle;
  }

  /**
   * Opens what has come of a file, or begins it.
   * @param target the name it gets when it is whole
   * @param tag tells its content from another one's: a part with another tag is thrown away
   */
  static async open(target: string, tag: string): Promise<PartFile> {
    const folder = dirname(target);
    await makeFolder(folder);
    const id = createHash("sha256").update(tag).digest("hex").slice(0, 12);
    const path = join(folder, `${basename(target)}.${id}${SUFFIX}`);
    try {
      for (const name of await readdir(folder))
        if (isPartOf(target, name) && name !== basename(path)) await rm(join(folder, name), { force: true });
      const part = new PartFile(target, path, await open(path, constants.O_RDWR | constants.O_CREAT));
      await part.#hashWhatIsThere();
      return part;
    } catch (cause) {
      throw outputError(target, cause);
    }
  }

  /** Bytes that have come. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      await writeFully(this.#handle, bytes, this.#sizeBytes);
    } catch (cause) {
      throw outputError(this.#path, cause);
    }
    this.#hash.update(bytes);
    this.#sizeBytes += bytes.byteLength;
  }

  /** Throws away what has come. */
  async reset(): Promise<void> {
    await this.#handle.truncate(0).catch((cause: unknown) => Promise.reject(outputError(this.#path, cause)));
    this.#hash = createHash("sha256");
    this.#sizeBytes = 0;
  }

  /** SHA-256 of what has come, in hex. */
  sha256(): string {
    return this.#hash.copy().digest("hex");
  }

  /** The id that git gives to a file of this content. Reads it again: for small files. */
  async gitBlob(): Promise<string> {
    const hash = createHash("sha1").update(`blob ${this.#sizeBytes}\0`);
    for await (const chunk of this.#chunks()) hash.update(chunk);
    return hash.digest("hex");
  }

  /** Gives the file its name. */
  async finish(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await rename(this.#path, this.#target);
      await syncFolder(dirname(this.#target));
    } catch (cause) {
      throw outputError(this.#target, cause);
    }
  }

  /** Closes it; what has come stays. Never rejects. */
  async close(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }

  async #hashWhatIsThere(): Promise<void> {
    for await (const chunk of this.#chunks()) {
      this.#hash.update(chunk);
      this.#sizeBytes += chunk.byteLength;
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(READ_BYTES);
    for (let at = 0; ;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }
}
