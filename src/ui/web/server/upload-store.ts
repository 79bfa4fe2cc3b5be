/**
 * Uploads on disk while they are not complete: the bytes in `<id>`, what is known of them in `<id>.json`. A server that
 * is started again goes on with them.
 */
import type { Stats } from "node:fs";
import { lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileConfigstore, FileStore } from "@tus/file-store";
import { Upload } from "@tus/server";
import { messageOf, systemCode } from "../../../errors.js";
import { getLogger } from "../../../logging.js";

const log = getLogger("server");
const BYTES = /^[0-9a-f]{32}$/;
/** All files that this server makes in the folder: `.part` are those of forms. Others are somebody else's and stay. */
const OWN = /^([0-9a-f]{32})(\.json|\.part)?$/;

/** The file store of tus, which also keeps for a while that an upload is complete. */
export class UploadStore extends FileStore {
  readonly #records: FileConfigstore;
  readonly #expiryMs: number;

  constructor(directory: string, expiryMs: number) {
    const records = new FileConfigstore(directory);
    super({ directory, configstore: records, expirationPeriodInMilliseconds: expiryMs });
    this.#records = records;
    this.#expiryMs = expiryMs;
    // The length is always known, so that room for it can be booked.
    this.extensions = this.extensions.filter((name) => name !== "creation-defer-length");
  }

  /**
   * A complete upload whose last answer was lost is still told to be complete. The date is that of the last byte: an
   * upload expires once it has stood still for long.
   */
  override async getUpload(id: string): Promise<Upload> {
    const record = await this.#records.get(id);
    const bytes = await this.#statBytes(id);
    if (bytes === undefined && record?.metadata?.["moved"] === "yes") {
      const { size, metadata, creation_date } = record;
      return new Upload({
        id,
        offset: size!,
        metadata,
        ...(size === undefined ? {} : { size }),
        ...dated(creation_date),
      });
    }
    const upload = await super.getUpload(id);
    return bytes === undefined ? upload : Object.assign(upload, { creation_date: bytes.mtime.toISOString() });
  }

  override async remove(id: string): Promise<void> {
    if ((await this.#statBytes(id)) === undefined) await this.#records.delete(id);
    else await super.remove(id);
  }

  /** Where an upload's bytes are until it is moved. */
  pathOf({ id }: Upload): string {
    return join(this.directory, id);
  }

  /** All bytes of an upload are there and not in their place yet: the server was killed, or the place was refused. */
  async isLeft({ id, offset, size }: Upload): Promise<boolean> {
    return offset === size && (await this.#statBytes(id)) !== undefined;
  }

  /**
   * Moves a complete upload to its place, written through to the disk. Its record says so before: of an upload whose
   * bytes are still here, that counts for nothing.
   */
  async move(upload: Upload, target: string): Promise<void> {
    const path = this.pathOf(upload);
    const file = await open(path, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    upload.metadata = { ...upload.metadata, moved: "yes" };
    await this.#records.set(upload.id, upload);
    await rename(path, target);
  }

  /** Ids of the uploads whose bytes are here: those that are not complete, or not in their place. */
  async unfinished(): Promise<string[]> {
    try {
      return (await readdir(this.directory)).filter((name) => BYTES.test(name));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  /**
   * Removes uploads that nobody has gone on with for as long as they are kept, and bytes without a record. What cannot
   * be removed is logged and holds up nothing. Never rejects.
   */
  async sweep(now = Date.now()): Promise<void> {
    let names: string[] = [];
    try {
      names = await readdir(this.directory);
    } catch (error) {
      log.warn({ err: error }, `the uploads cannot be looked through: ${messageOf(error)}`);
    }
    for (const name of names) {
      const [, id, end] = OWN.exec(name) ?? [];
      if (id === undefined) continue;
      const path = join(this.directory, name);
      try {
        const info = await lstat(path);
        if (!info.isFile()) continue;
        const bytes = end === ".json" ? await this.#statBytes(id) : undefined;
        const movedMs = Math.max(info.mtimeMs, bytes?.mtimeMs ?? 0);
        if (now - movedMs > this.#expiryMs) await rm(path, { force: true });
      } catch (error) {
        if (systemCode(error) !== "ENOENT")
          log.warn({ err: error }, `${path} has expired and cannot be removed: ${messageOf(error)}`);
      }
    }
  }

  async #statBytes(id: string): Promise<Stats | undefined> {
    try {
      return await stat(join(this.directory, id));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }
}

function dated(date: string | undefined): { creation_date?: string } {
  return date === undefined ? {} : { creation_date: date };
}
