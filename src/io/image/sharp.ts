/**
 * sharp, loaded without touching what a host has set. sharp sets libvips' cache and number of threads when it is
 * loaded, and both apply to the whole process. It is loaded once more in every worker thread, and where a program has
 * it by `require` and this package by `import`. Every module takes it from here.
 */
import { createRequire } from "node:module";
import type Sharp from "sharp";

/** What sharp sets while it is loaded, as its addon has it: given nothing, each only tells. */
interface Native {
  cache: (...limits: number[]) => Record<"memory" | "files" | "items", { readonly max: number }>;
  concurrency: (threads: number | null) => number;
}

const require = createRequire(import.meta.url);

/** The addon that sharp is about to load; undefined where it is in a place of its own. */
function nativePart(): Native | undefined {
  const from = createRequire(require.resolve("sharp"));
  const system = `${process.platform}-${process.arch}`;
  const { version } = from("../package.json") as { version: string };
  for (const path of [`../src/build/Release/sharp-${system}-${version}.node`, `@img/sharp-${system}/sharp.node`])
    try {
      return from(path) as Native;
    } catch {
      // The next place; sharp itself says what is missing.
    }
  return undefined;
}

/** libvips' own limits of its cache: nobody in this process has loaded sharp yet. */
function isUntouched({ cache }: Native): boolean {
  return Object.values(cache()).every(({ max }) => max === 100);
}

function load(): typeof Sharp {
  const native = nativePart();
  if (native === undefined || isUntouched(native)) return require("sharp") as typeof Sharp;
  const { cache, concurrency } = native;
  native.cache = () => cache();
  native.concurrency = () => concurrency(null);
  try {
    return require("sharp") as typeof Sharp;
  } finally {
    Object.assign(native, { cache, concurrency });
  }
}

export const sharp = load();
