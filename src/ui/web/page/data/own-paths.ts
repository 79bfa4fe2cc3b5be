/** Keeps files of one name apart: those that are dropped or chosen together may come from several folders. */
import { extensionOf } from "../../../../io/names/entry-rules.js";

/** The same files; of those that have one path, all but the first get a number that no other has. */
export function withOwnPaths<Given extends { readonly path: string }>(files: readonly Given[]): Given[] {
  const taken = new Set<string>();
  const given = new Set(files.map(({ path }) => path));
  return files.map((file) => {
    if (!taken.has(file.path)) {
      taken.add(file.path);
      return file;
    }
    const extension = extensionOf(file.path);
    const stem = file.path.slice(0, file.path.length - extension.length);
    let n = 1;
    while (taken.has(`${stem}_${n}${extension}`) || given.has(`${stem}_${n}${extension}`)) n++;
    const path = `${stem}_${n}${extension}`;
    taken.add(path);
    return { ...file, path };
  });
}
