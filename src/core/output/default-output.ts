/** Names the output when none is given: beside the input. */
import { existsSync, statSync } from "node:fs";
import { extname, join, parse, resolve } from "node:path";

const ARCHIVE_EXTENSIONS: ReadonlySet<string> = new Set([".zip", ".cbz"]);

/** The input as settings have it. */
export type NamedInput = { readonly inputDir: string } | { readonly inputZip: string };
/** The output as settings have it. */
export type NamedOutput = { readonly outputDir: string } | { readonly outputZip: string };

/**
 * Whether a path is a folder or an archive of pages. A path that does not exist is an archive if it ends in `.zip` or
 * `.cbz`.
 */
export function inputOf(path: string): NamedInput {
  const isFolder = existsSync(path)
    ? statSync(path).isDirectory()
    : !ARCHIVE_EXTENSIONS.has(extname(path).toLowerCase());
  return isFolder ? { inputDir: path } : { inputZip: path };
}

/**
 * The output beside an input: `pages` → the folder `pages_colorized`, `a.cbz` → the archive `a_colorized.cbz`. An
 * archive with another extension gives a CBZ. Absolute paths.
 * @param input as `inputOf` returns it
 * @param zipOutputName given: an archive of that name in the input's folder, which is returned with a slash at its end
 */
export function defaultOutput(input: NamedInput, zipOutputName?: string): NamedOutput {
  const { dir, name, ext } = parse(resolve("inputDir" in input ? input.inputDir : input.inputZip));
  if (zipOutputName !== undefined) return { outputZip: `${dir}/` };
  if ("inputDir" in input) return { outputDir: join(dir, `${name}${ext}_colorized`) };
  const extension = ARCHIVE_EXTENSIONS.has(ext.toLowerCase()) ? ext : ".cbz";
  return { outputZip: join(dir, `${name}_colorized${extension}`) };
}
