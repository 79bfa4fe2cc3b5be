/**
 * Matches entries of a configuration to images, and finds the most specific of several. Pure functions over names.
 *
 * An entry is a relative path, a file name or a glob. In a glob `*` and `?` stand for anything but a slash, `**` for
 * anything, and `**` between slashes for any number of folders, none included. A glob without a slash is matched
 * against the file name, wherever the file is.
 *
 * Of two entries that match an image the more specific applies: a path before a file name, a file name before a glob; a
 * glob that names a folder level (`a/b*`) before one that does not (`b*`); then the glob whose shortest match is
 * longer, then the one with more characters that are not wildcards, then the one with fewer `**`, then the one with
 * fewer `*`; of two equals the later in the file.
 */

/** How specific a matching entry is, the most important figure first. */
export type Specificity = readonly number[];

type Token =
  | { readonly kind: "char"; readonly char: string }
  /** `?`, `*`, `**`, and `**` with the slash behind it. */
  | { readonly kind: "one" | "some" | "any" | "folders" };

/** An entry's name, ready to be matched. */
export interface ImagePattern {
  /** What the entry names. */
  readonly kind: "path" | "glob";
  /** In Unicode's form NFC, as images' names are compared. */
  readonly text: string;
  readonly tokens: readonly Token[];
  /** Whether it is matched against the file name alone. */
  readonly ofName: boolean;
  readonly specificity: Specificity;
}

/** Prepares an entry's name. */
export function imagePattern(entry: string): ImagePattern {
  const text = entry
    .normalize("NFC")
    .replace(/^(?:\.\/)+/, "")
    .replace(/^(?:\*\*\/)+(?=[^/*?]+$)/, ""); // `**/name` is `name`
  const tokens = tokensOf(text);
  const number = (kind: Token["kind"]): number => tokens.filter((token) => token.kind === kind).length;
  // A part of the path that is all stars has a character too: no name is empty.
  const shortest = number("char") + number("one") + (text.match(/(?<=^|\/)\*+$|(?<=^|\/)\*(?=\/)/g)?.length ?? 0);
  const inFolder = tokens.some((token) => token.kind === "char" && token.char === "/");
  return {
    kind: number("char") === tokens.length ? "path" : "glob",
    text,
    tokens,
    ofName: !text.includes("/"),
    specificity: [inFolder ? 1 : 0, shortest, number("char"), -number("any") - number("folders"), -number("some")],
  };
}

/**
 * How specifically an entry names an image; undefined when it does not.
 * @param name relative path in the input, with forward slashes
 */
export function matchImage(pattern: ImagePattern, name: string): Specificity | undefined {
  const path = name.normalize("NFC");
  const label = path.slice(path.lastIndexOf("/") + 1);
  if (pattern.text === path) return [3];
  if (pattern.text === label) return [2];
  if (pattern.kind === "path") return undefined;
  return matches(pattern.tokens, pattern.ofName ? label : path) ? pattern.specificity : undefined;
}

/** An entry that matches an image. */
export interface EntryMatch {
  readonly entry: string;
  readonly specificity: Specificity;
}

/** Entries of one configuration. Those that name a path or a file cost an image nothing, however many there are. */
export class ImageMatcher {
  readonly #patterns: readonly (ImagePattern & { readonly entry: string })[];
  /** Positions of entries by their text. */
  readonly #byText = new Map<string, number[]>();
  readonly #globs: number[] = [];

  /** @param entries in the file's order */
  constructor(entries: readonly string[]) {
    this.#patterns = entries.map((entry) => ({ ...imagePattern(entry), entry }));
    for (const [index, { kind, text }] of this.#patterns.entries()) {
      const same = kind === "glob" ? this.#globs : (this.#byText.get(text) ?? []);
      same.push(index);
      if (kind === "path") this.#byText.set(text, same);
    }
  }

  /** The entries that match an image, in the file's order. */
  matching(name: string): EntryMatch[] {
    const path = name.normalize("NFC");
    const label = path.slice(path.lastIndexOf("/") + 1);
    const named = [path, ...(label === path ? [] : [label])].flatMap((text) => this.#byText.get(text) ?? []);
    return [...named, ...this.#globs]
      .toSorted((a, b) => a - b)
      .flatMap((index) => {
        const { entry, ...pattern } = this.#patterns[index]!;
        const specificity = matchImage(pattern, path);
        return specificity === undefined ? [] : [{ entry, specificity }];
      });
  }
}

/** Below 0 if the first is less specific. */
export function compareSpecificity(a: Specificity, b: Specificity): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

function tokensOf(glob: string): Token[] {
  return [...glob.matchAll(/(?<=^|\/)\*\*\/|\*\*+|\*|\?|[^]/gu)].map(([part]) => {
    if (part === "?") return { kind: "one" };
    if (part === "*") return { kind: "some" };
    if (part === "**/") return { kind: "folders" };
    return part.startsWith("**") ? { kind: "any" } : { kind: "char", char: part };
  });
}

/**
 * Whether a glob matches the whole text. All ways to match are followed at once, so that the time is at most the
 * product of both lengths, whatever the glob.
 */
function matches(tokens: readonly Token[], text: string): boolean {
  const characters = [...text];
  let at = new Uint8Array(tokens.length + 1);
  at[0] = 1;
  for (let i = 0; i <= characters.length; i++) {
    const atFolder = i === 0 || characters[i - 1] === "/";
    tokens.forEach(({ kind }, token) => {
      const mayBeEmpty = kind === "some" || kind === "any" || (kind === "folders" && atFolder);
      if (at[token] === 1 && mayBeEmpty) at[token + 1] = 1;
    });
    if (i === characters.length) break;
    const char = characters[i]!;
    const next = new Uint8Array(tokens.length + 1);
    tokens.forEach((token, index) => {
      if (at[index] === 0) return;
      if (token.kind === "char" ? token.char === char : token.kind === "one" && char !== "/") next[index + 1] = 1;
      if (token.kind === "any" || token.kind === "folders" || (token.kind === "some" && char !== "/")) next[index] = 1;
    });
    at = next;
  }
  return at[tokens.length] === 1;
}
