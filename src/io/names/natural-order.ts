/**
 * Natural page order: `p2` before `p10`, folder by folder, the same on every machine (no locale, no file-system order).
 */

const CHUNKS = /\d+|\D+/gu;

/** A run of digits, by value, or of other characters, in lower case. */
interface Chunk {
  readonly text: string;
  /** Without leading zeros; undefined for a run of other characters. */
  readonly digits: string | undefined;
}

interface Label {
  readonly raw: string;
  readonly chunks: readonly Chunk[];
}

/** A path taken apart once, so that sorting many does not do it at each comparison. */
export interface NaturalKey {
  readonly name: string;
  readonly folders: readonly Label[];
  /** The file name cut in front of its extension, so that `p2.png` comes before `p2 extra.png`. */
  readonly stem: Label;
  readonly extension: Label;
}

function chunksOf(text: string): Chunk[] {
  return (text.toLowerCase().match(CHUNKS) ?? []).map((chunk) => ({
    text: chunk,
    digits: /^\d/u.test(chunk) ? chunk.replace(/^0+(?=\d)/u, "") : undefined,
  }));
}

function labelOf(raw: string): Label {
  return { raw, chunks: chunksOf(raw) };
}

/** Takes a relative path apart. */
export function naturalKey(name: string): NaturalKey {
  const slash = name.lastIndexOf("/");
  const base = name.slice(slash + 1);
  const dot = base.lastIndexOf(".");
  const cut = dot > 0 ? dot : base.length;
  return {
    name,
    folders: slash < 0 ? [] : name.slice(0, slash).split("/").map(labelOf),
    stem: labelOf(base.slice(0, cut)),
    extension: labelOf(base.slice(cut)),
  };
}

/** Code-unit order, the last resort that makes the order total. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Runs of digits by value and before all else, the rest by lower-cased code units. */
function compareChunks(left: readonly Chunk[], right: readonly Chunk[]): number {
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const x = left[i]!;
    const y = right[i]!;
    if ((x.digits === undefined) !== (y.digits === undefined)) return x.digits === undefined ? 1 : -1;
    const order =
      x.digits === undefined || y.digits === undefined
        ? compareText(x.text, y.text)
        : x.digits.length - y.digits.length || compareText(x.digits, y.digits);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** `compareNatural` of paths taken apart. */
export function compareNaturalKeys(a: NaturalKey, b: NaturalKey): number {
  for (let i = 0; ; i++) {
    const left = a.folders[i];
    const right = b.folders[i];
    if (left === undefined || right === undefined) {
      if (left !== right) return left === undefined ? -1 : 1;
      return (
        compareChunks(a.stem.chunks, b.stem.chunks) ||
        compareChunks(a.extension.chunks, b.extension.chunks) ||
        compareText(a.name, b.name)
      );
    }
    const order = compareChunks(left.chunks, right.chunks) || compareText(left.raw, right.raw);
    if (order !== 0) return order;
  }
}

/**
 * Compares two relative paths with forward slashes. Files of a folder come before its subfolders; equal labels (`01`
 * and `1`, `A` and `a`) fall back to code-unit order, so 0 means the same string.
 */
export function compareNatural(a: string, b: string): number {
  return compareNaturalKeys(naturalKey(a), naturalKey(b));
}

/** The items in the natural order of their names. */
export function sortedNaturally<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, key: naturalKey(nameOf(item)) }))
    .sort((a, b) => compareNaturalKeys(a.key, b.key))
    .map(({ item }) => item);
}
