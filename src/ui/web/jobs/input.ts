/** The input and the references of a job as page sources. */
import { readdir, readlink, rm, symlink } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { ValidationError } from "../../../errors.js";
import { isArchiveName, isJunkName } from "../../../io/names/entry-rules.js";
import { compareNatural } from "../../../io/names/natural-order.js";
import { openPageSource } from "../../../io/open-source.js";
import type { PageSource, SourceEntry } from "../../../io/page-source.js";
import type { Job } from "../api/schemas.js";
import type { Roots } from "./roots.js";
import type { JobPaths } from "./stored.js";

/** An input that is there. */
export interface JobInput {
  /** Settings that name it; its path is in the job's folder, also where it is a link to a place below a root. */
  readonly settings: { readonly inputDir: string; readonly recursive: boolean } | { readonly inputZip: string };
  readonly isArchive: boolean;
  /** Name for people: of the archive, or of the folder where all pictures are in one. */
  readonly name: string | undefined;
  open(): Promise<PageSource>;
}

/**
 * A job's input; undefined for one that has no uploads yet.
 * @throws ValidationError `ERR_INPUT_NOT_FOUND` for what is no longer below its root, `ERR_ARGUMENT` for an archive
 * beside other files
 */
export async function inputOf(source: Job["source"], paths: JobPaths, roots: Roots): Promise<JobInput | undefined> {
  if (source.kind === "upload") return uploadedInput(paths);
  const { root, path: real, isFolder } = await roots.place(source.root, source.path);
  const link = isFolder ? paths.input : `${paths.input}${extname(real).toLowerCase()}`;
  await pointTo(link, real);
  const { recursive } = source;
  const name = (source.path || source.root).split("/").at(-1)!;
  return {
    settings: isFolder ? { inputDir: link, recursive } : { inputZip: link },
    isArchive: !isFolder,
    name: isFolder ? name : stemOf(name),
    open: () => openPageSource(link, { recursive, within: root }),
  };
}

async function uploadedInput({ input }: JobPaths): Promise<JobInput | undefined> {
  const found = await readdir(input, { withFileTypes: true }).catch(() => []);
  const entries = found.filter((entry) => !isJunkName(entry.name, entry.isDirectory()));
  if (entries.length === 0) return undefined;
  const archives = entries.filter((entry) => entry.isFile() && isArchiveName(entry.name));
  const [archive] = archives;
  if (archive !== undefined) {
    if (entries.length > 1)
      throw new ValidationError(
        "ERR_ARGUMENT",
        `the archive ${archive.name} lies beside ${entries.length - 1} other files; an input is one archive or a tree of pictures`,
      );
    const path = join(input, archive.name);
    return {
      settings: { inputZip: path },
      isArchive: true,
      name: stemOf(archive.name),
      open: () => openPageSource(path),
    };
  }
  return {
    settings: { inputDir: input, recursive: true },
    isArchive: false,
    name: entries.length === 1 ? stemOf(entries[0]!.name) : undefined,
    open: () => openPageSource(input, { recursive: true, within: input }),
  };
}

/** Files of the folder of references and of those in it, relative, with slashes, in natural order. */
export async function referenceFiles({ references }: JobPaths): Promise<string[]> {
  const found = await readdir(references, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(references, join(parentPath, name)).split(sep).join("/"))
    .filter((name) => !isJunkName(name))
    .sort(compareNatural);
}

/** Opens an added file: a picture, or an archive of some. */
export async function openReference({ references }: JobPaths, file: string): Promise<PageSource> {
  return openPageSource(join(references, file));
}

/**
 * The picture of an added file that has this name: `refs/a.png` itself, or `refs.cbz/a.png` in it; where an archive
 * holds one picture alone, that has the archive's name.
 */
export function referenceIn(source: PageSource, file: string, name: string): SourceEntry | undefined {
  const images = source.entries().filter(({ kind }) => kind === "image");
  return name === file ? images[0] : images.find((one) => one.name === name.slice(file.length + 1));
}

/** A link in the job's folder, so that what is recorded of the run does not tell where the root is. */
async function pointTo(link: string, target: string): Promise<void> {
  if ((await readlink(link).catch(() => undefined)) === target) return;
  await rm(link, { force: true });
  await symlink(target, link);
}

function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length) || name;
}
