/**
 * The store of downloaded originals until a package is made of them: `.originals` in the folder of models, a folder
 * for each source and revision. A file has its name there when it is whole and checked, so it is not checked again.
 */
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createHash } from "node:crypto";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { hashFile } from "../../model/package.js";
import type { CatalogueSource } from "../catalogue/catalogue-schema.js";
import { UNKNOWN } from "../fetch/remote.js";
import type { OriginalFile, WantedFile } from "./original-file.js";

const KEEP_FILE = "KEPT";

export class OriginalStore {
  readonly folder: string;

  /** @param models the folder of models */
  constructor(models: string) {
    this.folder = join(models, ".originals");
  }

  /** The path of a file. */
  pathOf(source: CatalogueSource, revision: string, path: string): string {
    return join(this.#folderOf(source), revision, path);
  }

  /** A file that is there whole. */
  async find(source: CatalogueSource, revision: string, file: WantedFile): Promise<OriginalFile | undefined> {
    const path = this.pathOf(source, revision, file.path);
    const info = await stat(path).catch(() => undefined);
    if (info === undefined || !info.isFile()) return undefined;
    if (file.bytes !== UNKNOWN && file.bytes !== info.size) return undefined;
    if (file.sha256 !== UNKNOWN) return { file, path, bytes: info.size, sha256: file.sha256, revision };
    return { file, path, ...(await hashFile(path)), revision };
  }

  /** Bytes of a file that have come. */
  async partBytes(source: CatalogueSource, revision: string, path: string): Promise<number> {
    const target = this.pathOf(source, revision, path);
    let bytes = 0;
    for (const name of await readdir(dirname(target)).catch(() => []))
      if (name.startsWith(`${basename(target)}.`) && name.endsWith(".part"))
        bytes += (await stat(join(dirname(target), name)).catch(() => ({ size: 0 }))).size;
    return bytes;
  }

  /** The commit that a branch or tag had when it was last asked for. */
  async lastCommit(source: CatalogueSource, revision: string): Promise<string | undefined> {
    const text = await readFile(this.#refOf(source, revision), "utf8").catch(() => "");
    return /^[0-9a-f]{40}$/u.test(text) ? text : undefined;
  }

  async noteCommit(source: CatalogueSource, revision: string, commit: string): Promise<void> {
    await writeFileAtomic(this.#refOf(source, revision), Buffer.from(commit), true);
  }

  /** From now on the originals stay when a package is made of them. */
  async keep(): Promise<void> {
    await makeFolder(this.folder);
    await writeFile(join(this.folder, KEEP_FILE), "model install --keep-originals was asked for here\n");
  }

  async isKept(): Promise<boolean> {
    return stat(join(this.folder, KEEP_FILE)).then(
      () => true,
      () => false,
    );
  }

  /** Removes what was fetched of these sources. Never rejects. */
  async remove(sources: readonly CatalogueSource[]): Promise<void> {
    for (const source of sources) await rm(this.#folderOf(source), { recursive: true, force: true }).catch(() => {});
    if ((await readdir(this.folder).catch(() => [])).length === 0)
      await rm(this.folder, { recursive: true, force: true }).catch(() => {});
  }

  #folderOf(source: CatalogueSource): string {
    const name =
      "hub" in source
        ? `hub--${source.hub.replace("/", "--")}`
        : "github" in source
          ? `github--${source.github.replace("/", "--")}`
          : `url--${createHash("sha256").update(source.url).digest("hex").slice(0, 12)}`;
    return join(this.folder, name);
  }

  #refOf(source: CatalogueSource, revision: string): string {
    return join(this.#folderOf(source), `newest-of-${revision}.txt`);
  }
}
