/**
 * The store of downloaded originals until a package is made of them: `.originals` in the folder of models, a folder
 * for each source and revision. A file has its name there when it is whole and checked. A later run checks it again,
 * for kept files may lie there for long.
 */
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createHash } from "node:crypto";
import { removeLeftovers, writeFileAtomic } from "../../io/files/atomic-file.js";
import { makeFolder } from "../../io/files/make-folder.js";
import type { CatalogueModel, CatalogueSource } from "../catalogue/catalogue-schema.js";
import { checkedFile, type OnCheck, type OriginalFile, type WantedFile } from "./original-file.js";
import { removeTree } from "../../io/files/remove-tree.js";

const KEEP_FILE = "KEPT";

type StoredModel = Pick<CatalogueModel, "name" | "sources">;

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

  /** A file that is there whole and as the catalogue has it. */
  async find(
    source: CatalogueSource,
    revision: string,
    file: WantedFile,
    onCheck?: OnCheck,
  ): Promise<OriginalFile | undefined> {
    const path = this.pathOf(source, revision, file.path);
    const found = await checkedFile(file, path, revision, { onCheck });
    return typeof found === "object" ? found : undefined;
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

  /** Notes which folders a model's originals come into, so that they can be removed by its name. */
  async begin({ name, sources }: StoredModel): Promise<void> {
    const folders = new Set([...(await this.#noted(name)), ...Object.values(sources).map((source) => nameOf(source))]);
    await writeFileAtomic(this.#noteOf(name), Buffer.from(JSON.stringify([...folders])), true);
  }

  /** Removes what was fetched for a model. Never rejects. */
  async remove({ name, sources }: StoredModel): Promise<void> {
    await this.#removeFolders([
      ...(await this.#noted(name)),
      ...Object.values(sources).map((source) => nameOf(source)),
    ]);
    await rm(this.#noteOf(name), { force: true }).catch(() => {});
    await this.#removeEmpty();
  }

  /** Whether something was fetched for a model of that name and is still there. */
  async has(name: string): Promise<boolean> {
    return (await this.#noted(name)).length > 0;
  }

  /** Removes what was fetched for a model of that name, also what was to be kept. Never rejects. */
  async removeByName(name: string): Promise<void> {
    await this.remove({ name, sources: {} });
    const left = await readdir(this.folder).catch((): string[] => []);
    if (left.length === 1 && left[0] === KEEP_FILE) await removeTree(this.folder);
  }

  async #noted(name: string): Promise<string[]> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#noteOf(name), "utf8"));
      const names = Array.isArray(value) ? value : [];
      return names.filter((one): one is string => typeof one === "string" && /^[a-z]+--[A-Za-z0-9][\w.-]*$/u.test(one));
    } catch {
      return []; // nothing was begun
    }
  }

  async #removeFolders(names: readonly string[]): Promise<void> {
    for (const name of names) await removeTree(join(this.folder, name)).catch(() => {});
  }

  async #removeEmpty(): Promise<void> {
    await removeLeftovers(this.folder);
    if ((await readdir(this.folder).catch(() => [])).length === 0) await removeTree(this.folder).catch(() => {});
  }

  #noteOf(name: string): string {
    return join(this.folder, `of-${name}.json`);
  }

  #folderOf(source: CatalogueSource): string {
    return join(this.folder, nameOf(source));
  }

  #refOf(source: CatalogueSource, revision: string): string {
    return join(this.#folderOf(source), `newest-of-${revision}.txt`);
  }
}

/** The folder of a source. */
function nameOf(source: CatalogueSource): string {
  if ("hub" in source) return `hub--${source.hub.replace("/", "--")}`;
  if ("github" in source) return `github--${source.github.replace("/", "--")}`;
  return `url--${createHash("sha256").update(source.url).digest("hex").slice(0, 12)}`;
}
