/**
 * Parses JSON from untrusted files. Like `JSON.parse`, but an error says line and column, a duplicate key is an error
 * (`JSON.parse` takes the last), and depth and length are limited. It keeps its own stack, so that no nesting can
 * overflow the call stack.
 */

export interface JsonOptions {
  /** Levels of lists and objects at most. Default 64. */
  readonly maxDepth?: number;
  /** UTF-16 units of text at most. Default 64 Mi. */
  readonly maxLength?: number;
  /** Accept `NaN`, `Infinity` and `-Infinity`, as Python writes them. Default false. */
  readonly pythonNumbers?: boolean;
}

/** Where and why a text is not the JSON that is asked for. `message` says it all: "line 3, column 7: …". */
export class JsonFault extends SyntaxError {
  /** From 1. */
  readonly line: number;
  /** In UTF-16 units, from 1. */
  readonly column: number;
  /** Without the place. */
  readonly reason: string;
  constructor(text: string, offset: number, reason: string) {
    const before = text.slice(0, offset);
    const line = before.split("\n").length;
    const column = offset - before.lastIndexOf("\n");
    super(`line ${line}, column ${column}: ${reason}`);
    this.name = "JsonFault";
    this.line = line;
    this.column = column;
    this.reason = reason;
  }
}

// The grammar of RFC 8259; a string is plain but for these characters.
const UNUSUAL = /[\\\p{Cc}]/u;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/uy;
const PYTHON_NUMBER = /(?:NaN|-?Infinity)(?![\w.+-])/uy;

const DEFAULT_MAX_DEPTH = 64;
const DEFAULT_MAX_LENGTH = 64 * 2 ** 20;

type Json = Record<string, unknown>;

/** A list or object that is not closed yet. */
type Open = { readonly list: unknown[] } | { readonly object: Json; name: string };

/**
 * The value of a JSON text; a byte order mark before it is skipped.
 * @throws JsonFault for text that is not JSON, gives a name of an object twice, or goes over a limit
 */
export function parseJson(source: string, options: JsonOptions = {}): unknown {
  const { maxLength = DEFAULT_MAX_LENGTH } = options;
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  if (text.length > maxLength)
    throw new JsonFault(text, 0, `the text has ${text.length} characters; at most ${maxLength} are read`);
  return new Parser(text, options).document();
}

class Parser {
  #at = 0;
  readonly #open: Open[] = [];
  readonly #maxDepth: number;
  readonly #pythonNumbers: boolean;

  constructor(
    readonly text: string,
    { maxDepth = DEFAULT_MAX_DEPTH, pythonNumbers = false }: JsonOptions,
  ) {
    this.#maxDepth = maxDepth;
    this.#pythonNumbers = pythonNumbers;
  }

  document(): unknown {
    let value = this.#value();
    // Each turn puts a finished value into what it stands in, and goes on behind it.
    for (;;) {
      const open = this.#open.at(-1);
      if (open === undefined) {
        if (this.#next() !== undefined) this.#unexpected();
        return value.value;
      }
      if (!("opened" in value)) this.#put(open, value.value);
      const closed = this.#close("opened" in value);
      value = closed ?? this.#value();
    }
  }

  /** A scalar, or a list or object that is opened. */
  #value(): { value: unknown; opened?: true } {
    const first = this.#next();
    if (first === "[" || first === "{") {
      if (this.#open.length >= this.#maxDepth)
        throw new JsonFault(this.text, this.#at, `lists and objects are nested deeper than ${this.#maxDepth}`);
      this.#at++;
      this.#open.push(first === "[" ? { list: [] } : { object: {}, name: "" });
      return { value: undefined, opened: true };
    }
    if (first === '"') return { value: this.#string() };
    const scalar = this.#take(SCALAR);
    if (scalar !== undefined) return { value: JSON.parse(scalar) };
    const number = this.#pythonNumbers ? this.#take(PYTHON_NUMBER) : undefined;
    return number === undefined ? this.#unexpected() : { value: Number(number) };
  }

  /**
   * Behind a value, or (`first`) behind an opening bracket: what is closed here, or undefined where a value follows.
   */
  #close(first: boolean): { value: unknown } | undefined {
    const open = this.#open.at(-1)!;
    const isList = "list" in open;
    const char = this.#next();
    if (char === (isList ? "]" : "}")) {
      this.#at++;
      this.#open.pop();
      return { value: isList ? open.list : open.object };
    }
    if (!first) {
      if (char !== ",") this.#unexpected();
      this.#at++;
    }
    if (!isList) this.#name(open);
    return undefined;
  }

  /** The name of the next value of an object, and its colon. */
  #name(open: { readonly object: Json; name: string }): void {
    if (this.#next() !== '"') this.#unexpected();
    const start = this.#at;
    open.name = this.#string();
    if (Object.hasOwn(open.object, open.name))
      throw new JsonFault(this.text, start, `the name ${JSON.stringify(open.name)} is given twice`);
    if (this.#next() !== ":") this.#unexpected();
    this.#at++;
  }

  #put(open: Open, value: unknown): void {
    if ("list" in open) open.list.push(value);
    else if (open.name !== "__proto__") open.object[open.name] = value;
    else Object.defineProperty(open.object, open.name, { value, enumerable: true, configurable: true, writable: true });
  }

  /** The token up to its closing quote, checked and decoded by `JSON.parse` where it is not plain. */
  #string(): string {
    let end = this.text.indexOf('"', this.#at + 1);
    while (end >= 0 && this.#isEscaped(end)) end = this.text.indexOf('"', end + 1);
    try {
      const token = this.text.slice(this.#at, end + 1);
      const value = end < 0 || UNUSUAL.test(token) ? (JSON.parse(token) as string) : token.slice(1, -1);
      this.#at = end + 1;
      return value;
    } catch {
      return this.#unexpected();
    }
  }

  /** Whether an odd number of backslashes stands before a place. */
  #isEscaped(at: number): boolean {
    let first = at;
    while (this.text[first - 1] === "\\") first--;
    return (at - first) % 2 === 1;
  }

  /** The next character that is no space; undefined at the end. */
  #next(): string | undefined {
    for (;;) {
      const char = this.text[this.#at];
      if (char !== " " && char !== "\n" && char !== "\t" && char !== "\r") return char;
      this.#at++;
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #unexpected(): never {
    const { text } = this;
    throw new JsonFault(
      text,
      this.#at,
      this.#at >= text.length
        ? "the text ends here"
        : `${JSON.stringify(String.fromCodePoint(text.codePointAt(this.#at)!))} cannot stand here`,
    );
  }
}
