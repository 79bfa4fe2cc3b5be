/**
 * Holds one of two runs of this process at an operation on the disk, lets the other one run from its beginning to its
 * end, and then the first one go on. With every operation in turn, all points are tried where one can be overtaken.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const OPERATIONS = ["access", "chmod", "copyFile", "cp", "link", "lstat", "mkdir", "open", "readFile", "readdir"]
  .concat(["realpath", "rename", "rm", "rmdir", "stat", "truncate", "unlink", "writeFile"])
  .filter((name) => name in fs.promises) as "stat"[];

/** What came of a run: what it gave, or the code of its error. */
export type Ended<Result> = { readonly result: Result } | { readonly code: unknown };

/**
 * @param at which operation of the first run on a path that begins with `path` is held, from 1
 * @returns undefined for the second run if the first one has fewer operations
 */
export async function overtake<First, Second>(
  path: string,
  at: number,
  first: () => Promise<First>,
  second: () => Promise<Second>,
): Promise<{ first: Ended<First>; second: Ended<Second> | undefined }> {
  const originals = OPERATIONS.map((name) => fs.promises[name]);
  let count = 0;
  let other: Promise<Ended<Second>> | undefined;
  for (const [index, name] of OPERATIONS.entries())
    fs.promises[name] = (async (...given: Parameters<typeof fs.promises.stat>) => {
      if (typeof given[0] === "string" && given[0].startsWith(path) && ++count === at) {
        other = ended(second());
        await other;
      }
      return originals[index]!.apply(fs.promises, given);
    }) as typeof fs.promises.stat;
  syncBuiltinESMExports();
  try {
    const ending = await ended(first());
    return { first: ending, second: await other };
  } finally {
    for (const [index, name] of OPERATIONS.entries()) fs.promises[name] = originals[index]!;
    syncBuiltinESMExports();
  }
}

async function ended<Result>(run: Promise<Result>): Promise<Ended<Result>> {
  return run.then(
    (result) => ({ result }),
    (error: unknown) => ({ code: (error as { code?: unknown }).code ?? error }),
  );
}
