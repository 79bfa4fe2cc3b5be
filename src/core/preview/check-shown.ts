/** Refuses an approval where the input no longer has the pages that the preview shows. */
import { BatchProcessingError } from "../../errors.js";
import { shownNames } from "../../text/shown.js";

/**
 * @param shown the preview's pages, with the hashes of their files; "" where one is unknown
 * @param pages names of the input's pages
 * @param hashesOf reads pages of the input; those that cannot be read are left out
 * @throws BatchProcessingError `ERR_STATE`
 */
export async function checkShown(
  shown: ReadonlyMap<string, string>,
  pages: ReadonlySet<string>,
  hashesOf: (names: Iterable<string>) => Promise<ReadonlyMap<string, string>>,
): Promise<void> {
  const known = [...shown].filter(([, hash]) => hash !== "").map(([page]) => page);
  const now = await hashesOf(known);
  const others = [...shown].filter(([page, hash]) => !pages.has(page) || (hash !== "" && now.get(page) !== hash));
  if (others.length === 0) return;
  const names = shownNames(others.map(([page]) => page));
  const verb = others.length === 1 ? "has" : "have";
  throw new BatchProcessingError("ERR_STATE", `${names} ${verb} changed or gone from the input since the preview`, {
    remedy: "run `cobra-batch reject` to have a new preview, or put the pages back",
  });
}
