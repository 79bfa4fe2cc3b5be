/** Lists the parts of references that a page's colours came from, and the quarter that each was chosen for. */

/** A part of a reference: 0 the whole picture, 1 to 4 its corners, top left, top right, bottom left, bottom right. */
export interface ChosenPart {
  readonly reference: string;
  readonly part: number;
}

/** Corners of a reference, and quarters of a page. */
const QUARTERS = 4;

function partOf(label: string): ChosenPart {
  const mark = label.lastIndexOf("#");
  return mark < 0
    ? { reference: label, part: 0 }
    : { reference: label.slice(0, mark), part: Number(label.slice(mark + 1)) };
}

/** Parts by reference, most used first. */
export function countParts(labels: readonly string[]): { name: string; parts: number }[] {
  const counts = new Map<string, number>();
  for (const { reference } of labels.map(partOf)) counts.set(reference, (counts.get(reference) ?? 0) + 1);
  return [...counts].map(([name, parts]) => ({ name, parts })).sort((a, b) => b.parts - a.parts);
}

/**
 * The parts of each quarter of a page, the most alike first. Undefined where quarters have no parts of their own: the
 * model took references whole, or the page was coloured in tiles.
 */
export function partsByQuarter(labels: readonly string[], tiles = 1): ChosenPart[][] | undefined {
  const parts = labels.map(partOf);
  const each = parts.length / QUARTERS;
  if (tiles > 1 || each < 1 || !Number.isInteger(each) || parts.every(({ part }) => part === 0)) return undefined;
  return Array.from({ length: QUARTERS }, (_, quarter) => parts.slice(quarter * each, (quarter + 1) * each));
}
