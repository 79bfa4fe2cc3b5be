/**
 * Uploads on disk while they are not complete: the bytes in `<id>`, what is known of them in `<id>.json`. A server that
 * is started again goes on with them.
 */
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileConfigstore, FileStore } from "@tus/file-store";
import { Upload } from "@tus/server";
import { systemCode } from "../../../errors.js";

const RECORD = /^([0-9a-f]{32})\.json$/;

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

  /** A complete upload whose last answer was lost is still told to be complete. */
  override async getUpload(id: string): Promise<Upload> {
    const record = await this.#records.get(id);
    if (record?.metadata?.["moved"] !== "yes") return super.getUpload(id);
    const { size, metadata, creation_date } = record;
    return new Upload({
      id,
      offset: size!,
      metadata,
      ...(size === undefined ? {} : { size }),
      ...dated(creation_date),
    });
  }

  override async remove(id: string): Promise<void> {
    const record = await this.#records.get(id);
    if (record?.metadata?.["moved"] === "yes") await this.#records.delete(id);
    else await super.remove(id);
  }

  /** Moves a complete upload to its place, written through to the disk. */
  async move(upload: Upload, target: string): Promise<void> {
    const path = join(this.directory, upload.id);
    const file = await open(path, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(path, target);
    upload.metadata = { ...upload.metadata, moved: "yes" };
    await this.#records.set(upload.id, upload);
  }

  /** Records of uploads, complete ones of late included. */
  async count(): Promise<number> {
    return (await this.#names()).length;
  }

  /** Removes uploads that nobody has gone on with for as long as they are kept, and bytes without a record. */
  async sweep(now = Date.now()): Promise<void> {
    const names = await readdir(this.directory).catch(() => []);
    for (const name of names) {
      const path = join(this.directory, name);
      const ageMs = await stat(path).then(
        ({ mtimeMs }) => now - mtimeMs,
        () => 0,
      );
      const isRecord = RECORD.test(name);
      const bytes = isRecord ? path.slice(0, -".json".length) : path;
      const bytesAgeMs = isRecord
        ? await stat(bytes).then(
            ({ mtimeMs }) => now - mtimeMs,
            () => ageMs,
          )
        : ageMs;
      if (Math.min(ageMs, bytesAgeMs) > this.#expiryMs) await rm(path, { force: true });
    }
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.directory)).filter((name) => RECORD.test(name));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    }
  }
}

function dated(date: string | undefined): { creation_date?: string } {
  return date === undefined ? {} : { creation_date: date };
}
