/** A copy of the original files that somebody brought by hand, in whatever layout people bring it. */
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { ModelError } from "../../errors.js";
import type { CatalogueModel, CatalogueSource } from "../catalogue/catalogue-schema.js";
import { remoteOf } from "../fetch/remote.js";
import { cacheName } from "./hub-cache.js";
import { checkedFile, type OnCheck, type OriginalFile, type WantedFile } from "./original-file.js";

/**
 * Finds the files of a model in a folder: each source in a folder of its id, of the repository's name or as the hub's
 * tools save it, or all of them in the folder itself.
 * @throws ModelError `ERR_MODEL_NOT_FOUND` that lists every file that is missing or differs, with its address
 */
export async function findInCopy(
  directory: string,
  sources: CatalogueModel["sources"],
  files: readonly WantedFile[],
  onFile: (file: OriginalFile) => void = () => {},
  onCheck?: OnCheck,
): Promise<OriginalFile[]> {
  const root = resolve(directory);
  if (
    !(await stat(root).then(
      (info) => info.isDirectory(),
      () => false,
    ))
  )
    throw new ModelError("ERR_MODEL_NOT_FOUND", `${root} is not a folder`, {
      remedy: "name the folder that holds the files",
    });
  const found: OriginalFile[] = [];
  const missing: string[] = [];
  for (const file of files) {
    const source = sources[file.source]!;
    const here = await findOne(await foldersOf(root, file.source, source), file, onCheck);
    if (typeof here === "object") {
      found.push(here);
      onFile(here);
      continue;
    }
    const revision = "url" in source ? "" : source.revision;
    const from = remoteOf(source, {}).address(file.path, revision).href;
    missing.push(`${here ?? join(root, file.source, file.path)}\n    from ${from}`);
  }
  if (missing.length > 0) throw incomplete(`in ${root}`, missing, (them) => `put ${them} there`);
  return found;
}

/** The error for files that are not there. */
export function incomplete(
  where: string,
  missing: readonly string[],
  bring: (them: "it" | "them") => string,
): ModelError {
  const [files, them] =
    missing.length === 1 ? (["a file is", "it"] as const) : ([`${missing.length} files are`, "them"] as const);
  return new ModelError(
    "ERR_MODEL_NOT_FOUND",
    `${files} missing ${where}:\n${missing.map((line) => `  ${line}`).join("\n")}`,
    { remedy: `fetch ${them} on a machine with internet and ${bring(them)}` },
  );
}

/** The first that is right; else why the first that is there is not. */
async function findOne(
  folders: readonly string[],
  file: WantedFile,
  onCheck: OnCheck | undefined,
): Promise<OriginalFile | string | undefined> {
  let fault: string | undefined;
  for (const folder of folders) {
    const path = join(folder, file.path);
    const found = await checkedFile(file, path, undefined, { onCheck });
    if (typeof found === "object") return found;
    if (found !== undefined) fault ??= `${path}: it ${found}; get it again`;
  }
  return fault;
}

async function foldersOf(root: string, id: string, source: CatalogueSource): Promise<string[]> {
  const repository = "hub" in source ? source.hub : "github" in source ? source.github : undefined;
  const names =
    repository === undefined
      ? [id]
      : [id, basename(repository), repository, repository.replace("/", "-"), repository.replace("/", "--")];
  const snapshots = repository === undefined ? undefined : join(root, cacheName(repository), "snapshots");
  const commits = snapshots === undefined ? [] : await readdir(snapshots).catch(() => []);
  return [...names.map((name) => join(root, name)), ...commits.sort().map((commit) => join(snapshots!, commit)), root];
}
