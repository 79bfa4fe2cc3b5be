/** Keeps the names that an earlier run of the same output gave its results, as far as they stay. */
import { extensionOf } from "../../io/names/entry-rules.js";
import { FreeNames } from "../../io/names/free-names.js";
import { differBySuffix, numberedName } from "../../io/names/output-names.js";
import { nameKey } from "../../io/names/portable-names.js";

/**
 * The names that differ from the planned ones.
 * @param planned the results' names by page, as the input gives them now
 * @param nameOf the name that a page's result has had; undefined: it has none
 * @param only the pages that are done again, if these are single ones. Then each page keeps its name, whatever else the
 * input has now; one without a name whose planned one is taken gets a number. Else only `_colorized` is kept, or its
 * absence
 */
export function keptNames(
  planned: ReadonlyMap<string, string>,
  nameOf: (page: string) => string | undefined,
  only: ReadonlySet<string> | undefined,
): Map<string, string> {
  const kept = new Map<string, string>();
  const names = new FreeNames({ key: nameKey, numbered: numberedName });
  for (const [page, name] of planned) {
    const before = nameOf(page);
    if (before === undefined) continue;
    const isOfFormat = only?.has(page) === false || extensionOf(before) === extensionOf(name);
    if (!(only === undefined ? differBySuffix(before, name) : isOfFormat)) continue;
    kept.set(page, before);
    names.reserve(before);
  }
  if (only !== undefined) for (const [page, name] of planned) if (!kept.has(page)) kept.set(page, names.take(name));
  return kept;
}
