/**
 * A folder that all machines of a farm share: files by their SHA-256, results by their keys. Every file appears whole
 * or not at all and is never changed, so any number of machines may write the same one.
 *
 *   blobs/ab/<sha256>            pages, references, pictures of hints
 *   results/ab/<key>.page        a coloured page: one line of JSON, then the bytes of its picture and layers
 *   results/ab/<key>.failed      why a page failed, as JSON
 *   crashes/<worker>.ndjson      what crash handlers of workers wrote; empty files but for crashes
 */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { pageResultSchema, type FailedPage, type PageResult } from "../../colorization/request/page-request.js";
import { ConfigurationError, ResourceError } from "../../errors.js";
import { exists } from "../../io/files/exists.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import { sha256 } from "../../platform/sha256.js";
import { parseJson } from "../../text/parse-json.js";

const file = z.strictObject({ name: z.string(), bytes: z.int().min(0), sha256: z.string() });
const header = z.looseObject({ files: z.array(file).min(1) });
const LINE_FEED = 0x0a;

export class SharedStore {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Opens a store; its folder must exist, so that a share that is not mounted is noticed.
   * @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_OUTPUT_WRITE`
   */
  static async open(folder: string): Promise<SharedStore> {
    const info = await stat(folder).catch(() => undefined);
    if (info?.isDirectory() !== true)
      throw new ConfigurationError(
        "ERR_CONFIG",
        `--store: ${folder} is no folder; mount the share that all machines of the farm have, or make the folder`,
      );
    const store = new SharedStore(resolve(folder));
    for (const name of ["blobs", "results", "crashes"]) await makeFolder(join(store.folder, name));
    return store;
  }

  /** Keeps a file. @returns its SHA-256 */
  async keep(bytes: Uint8Array): Promise<string> {
    const hash = await sha256(bytes);
    await this.#write(this.#path("blobs", hash, ""), bytes);
    return hash;
  }

  /** Reads a file that was kept; a damaged one is removed. @throws ResourceError `ERR_INPUT_GONE` */
  async read(hash: string): Promise<Uint8Array> {
    const path = this.#path("blobs", hash, "");
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined && (await sha256(bytes)) === hash) return new Uint8Array(bytes);
    if (bytes !== undefined) await rm(path, { force: true }).catch(() => {}); // so that it is kept anew
    throw new ResourceError(
      "ERR_INPUT_GONE",
      `${path} is ${bytes === undefined ? "gone" : "damaged"}; submit the chapter again`,
    );
  }

  /** Keeps what came of a page. A result replaces an earlier failure. */
  async keepResult(key: string, result: PageResult): Promise<void> {
    if (result.status === "failed") {
      await writeFileAtomic(this.#path("results", key, ".failed"), encode(JSON.stringify(result)), true);
      return;
    }
    const { data, layers = [], ...facts } = result;
    const files = [{ name: "", data }, ...layers];
    const line = JSON.stringify({
      ...facts,
      files: await Promise.all(
        files.map(async (one) => ({ name: one.name, bytes: one.data.byteLength, sha256: await sha256(one.data) })),
      ),
    });
    await this.#write(
      this.#path("results", key, ".page"),
      Buffer.concat([encode(`${line}\n`), ...files.map((one) => one.data)]),
    );
    await this.forgetFailure(key);
  }

  /** A page's result; undefined where there is none, or a damaged one, which is removed. */
  async result(key: string): Promise<PageResult | undefined> {
    const path = this.#path("results", key, ".page");
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const result = await parseResult(bytes).catch(() => undefined);
    if (result === undefined) await rm(path, { force: true });
    return result;
  }

  /** Whether there is a result. */
  hasResult(key: string): Promise<boolean> {
    return exists(this.#path("results", key, ".page"));
  }

  /** Why a page failed; undefined if it did not, or if what says so is damaged. */
  async failure(key: string): Promise<FailedPage | undefined> {
    const text = await readFile(this.#path("results", key, ".failed"), "utf8").catch(() => undefined);
    try {
      const parsed = text === undefined ? undefined : pageResultSchema.safeParse(parseJson(text)).data;
      return parsed?.status === "failed" ? parsed : undefined;
    } catch {
      return undefined; // damaged
    }
  }

  /** A page that failed may be tried again. */
  async forgetFailure(key: string): Promise<void> {
    await rm(this.#path("results", key, ".failed"), { force: true });
  }

  /** Where a worker's crash handler writes. */
  crashFile(worker: string): string {
    return join(this.folder, "crashes", `${worker}.ndjson`);
  }

  /** What all crash handlers have written. */
  async crashNotes(): Promise<string[]> {
    const folder = join(this.folder, "crashes");
    const names = await readdir(folder).catch(() => []);
    return Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  }

  /** A file by a name that is a SHA-256, and nothing else. */
  #path(kind: string, hash: string, extension: string): string {
    if (!/^[0-9a-f]{64}$/u.test(hash)) throw new ConfigurationError("ERR_CONFIG", `${hash} is no SHA-256`);
    return join(this.folder, kind, hash.slice(0, 2), `${hash}${extension}`);
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    if (!(await exists(path))) await writeFileAtomic(path, bytes, true);
  }
}

async function parseResult(bytes: Uint8Array): Promise<PageResult> {
  const end = bytes.indexOf(LINE_FEED);
  const { files, ...facts } = header.parse(JSON.parse(Buffer.from(bytes.subarray(0, end)).toString()));
  let at = end + 1;
  const found: { name: string; data: Uint8Array }[] = [];
  for (const one of files) {
    const data = bytes.subarray(at, at + one.bytes);
    if ((await sha256(data)) !== one.sha256) throw new Error("damaged");
    found.push({ name: one.name, data });
    at += one.bytes;
  }
  const [picture, ...layers] = found;
  return pageResultSchema.parse({ ...facts, data: picture!.data, ...(layers.length === 0 ? {} : { layers }) });
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
