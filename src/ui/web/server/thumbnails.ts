/**
 * Thumbnails: made in the worker pool, kept on disk by the hash of the picture's content, the least recently used ones
 * removed beyond a size.
 */
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../../io/files/atomic-file.js";
import { getLogger } from "../../../logging.js";
import { messageOf } from "../../../errors.js";
import type { OpenedPicture } from "../jobs/types.js";
import { Semaphore } from "./semaphore.js";
import type { LazyPool } from "./lazy-pool.js";

const log = getLogger("server");
/** Of the cap: what is left after a clearing. */
const CLEARED_SHARE = 0.8;
/** Versions of pictures whose content's hash is remembered. */
const REMEMBERED = 50_000;
/** A thumbnail below the folder; others are somebody else's and stay. */
const FILE = /^([0-9a-f]{2})\/\1[0-9a-f]{62}-\d{2,4}\.webp$/;

/** Where thumbnails lie and what they may take. */
export interface ThumbnailOptions {
  readonly folder: string;
  readonly pool: LazyPool;
  readonly maxBytes: number;
  readonly mostWaiting: number;
}

/** A thumbnail. */
export interface Thumbnail {
  readonly bytes: Uint8Array;
  /** Changes with the picture and the size. */
  readonly version: string;
}

/** A thumbnail, and the version of the picture it was made of. */
export interface ThumbnailOf extends Thumbnail {
  readonly of: string;
}

/** Makes thumbnails and keeps them. */
export class Thumbnails {
  readonly #options: ThumbnailOptions;
  readonly #turns: Semaphore;
  /** Of a picture's version, in the order of use. */
  readonly #hashes = new Map<string, string>();
  readonly #inWork = new Map<string, Promise<ThumbnailOf>>();
  /** Of all files; undefined until they were counted. */
  #bytes: number | undefined;
  #clearing: Promise<void> | undefined;

  constructor(options: ThumbnailOptions) {
    this.#options = options;
    this.#turns = new Semaphore(options.pool.maxThreads, options.mostWaiting);
  }

  /**
   * A thumbnail of a picture.
   * @param key names the picture among all jobs
   * @param open opens the picture; called when its turn comes
   * @param side longer side in pixels
   */
  get(key: string, open: () => Promise<OpenedPicture>, side: number): Promise<ThumbnailOf> {
    const work = `${key} ${side}`;
    const running = this.#inWork.get(work);
    if (running !== undefined) return running;
    const made = this.#turns.run(() => this.#find(key, open, side)).finally(() => this.#inWork.delete(work));
    this.#inWork.set(work, made);
    return made;
  }

  async #find(key: string, open: () => Promise<OpenedPicture>, side: number): Promise<ThumbnailOf> {
    const picture = await open();
    return { ...(await this.#of(`${key} ${picture.version}`, picture, side)), of: picture.version };
  }

  async #of(versioned: string, picture: OpenedPicture, side: number): Promise<Thumbnail> {
    const known = this.#hashes.get(versioned);
    if (known !== undefined) {
      const kept = await this.#read(known, side);
      if (kept !== undefined) return kept;
    }
    const bytes = picture.bytes ?? new Uint8Array(await readFile(picture.path!));
    const hash = createHash("sha256").update(bytes).digest("hex");
    this.#remember(versioned, hash);
    return (known === hash ? undefined : await this.#read(hash, side)) ?? this.#make(hash, bytes, picture.name, side);
  }

  #remember(versioned: string, hash: string): void {
    this.#hashes.delete(versioned);
    this.#hashes.set(versioned, hash);
    if (this.#hashes.size <= REMEMBERED) return;
    const [oldest] = this.#hashes.keys();
    this.#hashes.delete(oldest!);
  }

  async #read(hash: string, side: number): Promise<Thumbnail | undefined> {
    const path = this.#path(hash, side);
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined || bytes.byteLength === 0) return undefined;
    const now = new Date();
    await utimes(path, now, now).catch(() => {});
    return { bytes, version: `${hash.slice(0, 32)}-${side}` };
  }

  async #make(hash: string, bytes: Uint8Array, name: string, side: number): Promise<Thumbnail> {
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
    const small = await this.#options.pool.run("thumbnail", { bytes: own, name, sidePixels: side });
    try {
      await writeFileAtomic(this.#path(hash, side), small, true);
      await this.#count(small.byteLength);
    } catch (error) {
      // Without room on the disk they are made again each time.
      log.warn({ error: messageOf(error) }, "a thumbnail cannot be kept");
    }
    return { bytes: small, version: `${hash.slice(0, 32)}-${side}` };
  }

  async #count(added: number): Promise<void> {
    this.#bytes = this.#bytes === undefined ? await this.#sum() : this.#bytes + added;
    if (this.#bytes <= this.#options.maxBytes) return;
    this.#clearing ??= this.#clear().finally(() => (this.#clearing = undefined));
    await this.#clearing;
  }

  async #sum(): Promise<number> {
    return (await this.#files()).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Removes those that were not used for the longest time. */
  async #clear(): Promise<void> {
    const files = (await this.#files()).sort((a, b) => a.usedMs - b.usedMs);
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      if (bytes <= this.#options.maxBytes * CLEARED_SHARE) break;
      try {
        await rm(file.path, { force: true });
        bytes -= file.bytes;
      } catch (error) {
        log.warn({ error: messageOf(error) }, `${file.path} is not needed and cannot be removed`);
      }
    }
    this.#bytes = bytes;
  }

  async #files(): Promise<{ path: string; bytes: number; usedMs: number }[]> {
    const { folder } = this.#options;
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    const found: { path: string; bytes: number; usedMs: number }[] = [];
    for (const name of names) {
      if (!FILE.test(name)) continue;
      const path = join(folder, name);
      const info = await lstat(path).catch(() => undefined);
      if (info?.isFile() === true) found.push({ path, bytes: info.size, usedMs: info.mtimeMs });
    }
    return found;
  }

  #path(hash: string, side: number): string {
    return join(this.#options.folder, hash.slice(0, 2), `${hash}-${side}.webp`);
  }
}
