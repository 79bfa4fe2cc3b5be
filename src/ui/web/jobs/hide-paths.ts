/**
 * Takes this machine's paths out of messages: what lies below a root is named from there, and what lies in a job by
 * what it is for people, who do not know the folders of jobs.
 */
import { escapeRegExp } from "../../../text/escape-regexp.js";

/** Parts of a job's folder as people know them: a front that says nothing to them, and the part itself. */
const PARTS: readonly (readonly [pattern: string, shown: string])[] = [
  [String.raw`page-references/[0-9a-f]+/`, ""],
  [String.raw`(?:input|references)/`, ""],
  [String.raw`input(?:\.[a-z]+)?\b`, "the chapter"],
  [String.raw`references\b`, "the references"],
  [String.raw`output(?:\.[a-z]+)?(?:\.cobra-batch)?/(?:pictures/)?`, ""],
  [String.raw`output(?:\.[a-z]+)?(?:\.cobra-batch)?\b`, "the results"],
  [String.raw`(?:job|pictures)\.json\b[^\s:;,"]*`, "the chapter's record"],
];

export class PathHider {
  readonly #places: readonly (readonly [string, string])[];
  readonly #ofJobs: readonly (readonly [RegExp, string])[];

  /**
   * @param places absolute paths, and what stands in a message for each
   * @param data folder of the server's data
   */
  constructor(places: Iterable<readonly [path: string, shown: string]>, data?: string) {
    this.#places = [...places]
      .filter(([path]) => path.length > 1)
      .sort(([a], [b]) => b.length - a.length)
      .flatMap(([path, shown]) => [[`${path}/`, shown === "" ? "" : `${shown}/`] as const, [path, shown] as const]);
    this.#ofJobs = data === undefined ? [] : ofData(data);
  }

  hide(text: string): string {
    let clean = text;
    for (const [pattern, shown] of this.#ofJobs) clean = clean.replace(pattern, shown);
    for (const [path, shown] of this.#places) if (clean.includes(path)) clean = clean.replaceAll(path, shown);
    return clean;
  }
}

function ofData(data: string): (readonly [RegExp, string])[] {
  const front = escapeRegExp(data);
  const job = String.raw`${front}/jobs/(?:\.[a-z]+-)?[0-9a-z]{8,32}`;
  return [
    [new RegExp(String.raw`(?:the picture of hints )?${job}/hints/[0-9a-z]+\.png`, "gu"), "the painted hints"],
    ...PARTS.map(([pattern, shown]) => [new RegExp(`${job}/${pattern}`, "gu"), shown] as const),
    [new RegExp(String.raw`${job}(?:/[^\s:;,"]*)?`, "gu"), "the chapter's folder"],
    [new RegExp(String.raw`${front}/uploads/[0-9a-f]{32}[^\s:;,"]*`, "gu"), "the upload"],
    [new RegExp(String.raw`${front}(?:/[\w./-]*)?`, "gu"), "the server's data folder"],
  ];
}
