/**
 * Natural page order: `p2` before `p10`, folder by folder, the same on every machine (no locale, no file-system order).
 */

const CHUNKS = /\d+|\D+/gu;

/** Code-unit order, the last resort that makes the order total. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Two runs of ASCII digits by value, of any length. */
function compareDigits(a: string, b: string): number {
  const left = a.replace(/^0+(?=\d)/u, "");
  const right = b.replace(/^0+(?=\d)/u, "");
  return left.length - right.length || compareText(left, right);
}

/** One folder or file name against another: runs of digits by value, the rest by lower-cased code units. */
function compareLabel(a: string, b: string): number {
  const left = a.toLowerCase().match(CHUNKS) ?? [];
  const right = b.toLowerCase().match(CHUNKS) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const x = left[i]!;
    const y = right[i]!;
    const digitsFirst = Number(/\d/u.test(y)) - Number(/\d/u.test(x));
    const order = digitsFirst || (/\d/u.test(x) ? compareDigits(x, y) : compareText(x, y));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** A file name cut in front of its extension, so that `p2.png` comes before `p2 extra.png`. */
function splitExtension(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

/**
 * Compares two relative paths with forward slashes. Files of a folder come before its subfolders; equal labels (`01`
 * and `1`, `A` and `a`) fall back to code-unit order, so 0 means the same string.
 */
export function compareNatural(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let i = 0; ; i++) {
    const leftIsFile = i === left.length - 1;
    const rightIsFile = i === right.length - 1;
    if (leftIsFile !== rightIsFile) return leftIsFile ? -1 : 1;
    if (leftIsFile) {
      const [leftStem, leftExtension] = splitExtension(left[i]!);
      const [rightStem, rightExtension] = splitExtension(right[i]!);
      return compareLabel(leftStem, rightStem) || compareLabel(leftExtension, rightExtension) || compareText(a, b);
    }
    const order = compareLabel(left[i]!, right[i]!) || compareText(left[i]!, right[i]!);
    if (order !== 0) return order;
  }
}
