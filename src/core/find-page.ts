/** Finds the pages of a run that a name means, as people type it. */
import { basename, parse, resolve } from "node:path";
import { nearestName } from "../config/nearest-name.js";
import { ValidationError } from "../errors.js";
import type { StoredRun } from "./journal/find-run.js";
import { outputPath } from "./output/work-folder.js";
import { shownNames } from "../text/shown.js";

/**
 * The pages that a name may mean: by their own name, that of their picture, the end of either, or that without its
 * extension. Names are compared in Unicode's form NFC, since some systems type and store another.
 */
export function pagesNamed(name: string, { record, history, archive }: StoredRun, pages: readonly string[]): string[] {
  const wanted = name.normalize("NFC");
  const archived = new Map(archive?.metadata.pages.map(({ page, output }) => [page, output]));
  const pictures = new Map(pages.map((page) => [page, history.last(page)?.outputName ?? archived.get(page) ?? ""]));
  const folder = resolve(outputPath(record.config));
  /** The pages of which the name, the picture or its path is, in one of these ways, the wanted one. */
  const ways: ((path: string) => string)[] = [(path) => path, basename, (path) => parse(path).name];
  return (
    ways
      .map((way) =>
        pages.filter((page) =>
          [page, pictures.get(page)!].some((path) => path !== "" && way(path.normalize("NFC")) === wanted),
        ),
      )
      .find((some) => some.length > 0) ??
    pages.filter((page) => resolve(folder, pictures.get(page)!).normalize("NFC") === resolve(name).normalize("NFC"))
  );
}

/**
 * The one page that a name means.
 * @throws ValidationError `ERR_INPUT_NOT_FOUND` where it means none or several
 */
export function findPage(name: string, run: StoredRun, pages: readonly string[]): string {
  const found = pagesNamed(name, run, pages);
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw new ValidationError("ERR_INPUT_NOT_FOUND", `"${name}" may be any of several pages: ${shownNames(found)}`, {
      remedy: "name one of these",
    });
  const [coloured] = pagesNamed(name, run, run.archive?.metadata.in_color ?? []);
  if (coloured !== undefined)
    throw new ValidationError("ERR_INPUT_NOT_FOUND", `"${coloured}" is in colour already and was copied as it is`, {
      remedy: `to colour it all the same, give it the setting imageType "line_art" in a configuration file, and run the colorize command again`,
    });
  const near = nearestName(name, pages);
  const known = pages.length === 0 ? "none of its pages is done yet" : `its pages are ${shownNames(pages)}`;
  throw new ValidationError(
    "ERR_INPUT_NOT_FOUND",
    `${outputPath(run.record.config)} has no page "${name}"${near === undefined ? `; ${known}` : ""}`,
    near === undefined ? {} : { remedy: `did you mean ${near}?` },
  );
}
