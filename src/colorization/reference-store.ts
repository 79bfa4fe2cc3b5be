/**
 * References by the hashes of their files. Pages that name the same references, of one batch or of many calls, share
 * one set with its patches, keys and values.
 */
import type { RasterImage } from "../binding/raster.js";
import { ConfigurationError } from "../errors.js";
import {
  checkArgument,
  checkFlag,
  checkFunction,
  checkMethods,
  checkObject,
  checkSignal,
  checkText,
} from "../errors/arguments.js";
import { getLogger } from "../logging.js";
import { sha256 } from "../platform/sha256.js";
import type { ReferenceImage, ReferenceSet } from "./cobra/references.js";
import type { PageReference } from "./request/page-request.js";

/** A reference that can be had. */
export interface ReferenceFile extends PageReference {
  /** The file's bytes. */
  read(): Promise<Uint8Array>;
  /** The decoded picture, if there is one already. */
  readonly image?: RasterImage;
}

/** How a reference is held. */
export interface HoldOptions {
  /** The set stays open between pages. Default false: of the sets that no page uses, one stays open. */
  readonly pinned?: boolean;
}

/** How a store opens, decodes and reads references. */
export interface ReferenceStoreOptions {
  /** Makes a set of decoded references. */
  readonly open: (images: readonly ReferenceImage[]) => ReferenceSet;
  readonly decode: (bytes: Uint8Array, name: string) => Promise<RasterImage>;
  /** Reads a file that nobody holds here. Default: there is none. */
  readonly readBlob?: ((hash: string) => Promise<Uint8Array>) | undefined;
}

interface SharedSet {
  opening: Promise<ReferenceSet> | undefined;
  /** Decoded pictures until the set is open. */
  files: readonly ReferenceFile[] | undefined;
  /** Pages in colouring with it. */
  users: number;
  holders: number;
  pins: number;
}

/** Sets that no page uses and nobody has pinned; the least recently used one goes first. */
const IDLE_SETS = 1;

const log = getLogger("references");

/** The references of an engine, by the hash of their files. Owns what it holds; `dispose` frees it. */
export class ReferenceStore implements Disposable {
  readonly #options: ReferenceStoreOptions;
  readonly #sets = new Map<string, SharedSet>();

  constructor(options: ReferenceStoreOptions) {
    checkMethods("the options of ReferenceStore", options, ["open", "decode"]);
    checkFunction("readBlob", options.readBlob, true);
    this.#options = options;
  }

  /**
   * Makes a list of references known until the result is disposed. They are decoded when a page needs them; keys and
   * values are kept as long as the list is held.
   */
  hold(files: readonly ReferenceFile[], options: HoldOptions = {}): Disposable {
    checkNamed(files);
    checkObject("the options of hold()", options);
    const { pinned = false } = options;
    checkFlag("pinned", pinned);
    for (const [index, { read }] of files.entries()) checkFunction(`references[${index}].read`, read);
    const set = this.#set(files);
    set.files ??= [...files];
    set.holders++;
    if (pinned) set.pins++;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        set.holders--;
        if (pinned) set.pins--;
        this.#tidy();
      },
    };
  }

  /**
   * Lends the set of a list of references while `work` runs.
   * @throws ConfigurationError `ERR_NO_REFERENCES` for a hash that is not known here; errors of reading and decoding
   */
  async lend<T>(
    references: readonly PageReference[],
    signal: AbortSignal | undefined,
    work: (references: ReferenceSet) => Promise<T>,
  ): Promise<T> {
    checkNamed(references);
    checkSignal("signal", signal);
    checkFunction("work", work);
    const set = this.#set(references);
    set.users++;
    try {
      set.opening ??= this.#open(references, set);
      const opened = await set.opening;
      signal?.throwIfAborted();
      return await work(opened);
    } finally {
      set.users--;
      this.#tidy();
    }
  }

  /** The set of a list, now the most recently used one. */
  #set(references: readonly PageReference[]): SharedSet {
    const key = JSON.stringify(references.map(({ name, hash }) => [name, hash]));
    const set = this.#sets.get(key) ?? { opening: undefined, files: undefined, users: 0, holders: 0, pins: 0 };
    this.#sets.delete(key);
    this.#sets.set(key, set);
    return set;
  }

  /** Shared by pages, so that none of them cancels it. A failed opening may be tried again. */
  async #open(references: readonly PageReference[], set: SharedSet): Promise<ReferenceSet> {
    try {
      const images = await Promise.all(
        references.map((reference, index) => this.#image(reference, set.files?.[index])),
      );
      // The set has the pictures now. If it is closed and needed again, they are read again.
      set.files = set.files?.map(({ name, hash, read }) => ({ name, hash, read }));
      log.debug({ references: references.map(({ name }) => name) }, "references opened");
      return this.#options.open(images);
    } catch (error) {
      set.opening = undefined;
      throw error;
    }
  }

  async #image({ name, hash }: PageReference, file: ReferenceFile | undefined): Promise<ReferenceImage> {
    if (file?.image !== undefined) return { name, image: file.image };
    const read = file?.read ?? (this.#options.readBlob && (() => this.#options.readBlob!(hash)));
    if (read === undefined)
      throw new ConfigurationError(
        "ERR_NO_REFERENCES",
        `the reference ${name} (${hash.slice(0, 12)}…) is not registered`,
        { remedy: "pass it to hold() of the reference store first" },
      );
    const bytes = await read();
    if ((await sha256(bytes)) !== hash)
      throw new ConfigurationError(
        "ERR_NO_REFERENCES",
        `the reference ${name} has changed since it was named (SHA-256 ${hash.slice(0, 12)}…)`,
        { remedy: "start again with the new file" },
      );
    return { name, image: await this.#options.decode(new Uint8Array(bytes), name) };
  }

  /** Closes what nobody holds or uses, and idle sets beyond the most recent ones. */
  #tidy(): void {
    const idle = [...this.#sets].filter(([, { users, pins }]) => users === 0 && pins === 0);
    const kept = idle.filter(([, { holders, opening }]) => holders > 0 && opening !== undefined);
    for (const [key, set] of idle.filter(([, { holders }]) => holders === 0)) {
      close(set);
      this.#sets.delete(key);
    }
    for (const [, set] of kept.slice(0, Math.max(0, kept.length - IDLE_SETS))) close(set);
  }

  /** Frees all sets, also those in use. */
  [Symbol.dispose](): void {
    for (const set of this.#sets.values()) close(set);
    this.#sets.clear();
  }
}

function checkNamed(references: readonly PageReference[]): void {
  const isArray: boolean = Array.isArray(references);
  checkArgument(isArray, "references", references, "an array");
  for (const [index, reference] of references.entries()) {
    checkObject(`references[${index}]`, reference);
    checkText(`references[${index}].name`, reference.name);
    checkText(`references[${index}].hash`, reference.hash);
  }
}

function close(set: SharedSet): void {
  set.opening?.then(
    (references) => {
      log.debug({ cache: references.stats() }, "reference cache");
      references.dispose();
    },
    () => undefined,
  );
  set.opening = undefined;
}
