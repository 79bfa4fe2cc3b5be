/** The flags `--hint` and `--hints`: colours that the user gives for a page. */
import { Option, type Command } from "commander";
import { fault, FlagFault } from "./flag-values.js";

/** A dot of colour, as `colorHints` of a configuration file has it. */
export interface HintDot {
  readonly x: number;
  readonly y: number;
  readonly color: string;
  readonly radius?: number;
}

/** Hints of one page. */
export interface NamedHints {
  /** As it was typed. */
  readonly page: string;
  readonly hints: HintDot | string;
}

export interface HintFlags {
  hint?: HintDot[];
  hints?: string;
}

export interface NamedHintFlags {
  hint?: NamedHints[];
  hints?: NamedHints[];
}

const NUMBER = String.raw`\d+(?:\.\d+)?`;
const DOT = new RegExp(`^(${NUMBER}),(${NUMBER})(?:,(${NUMBER}))?=#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})$`);
const form = (page: string): string =>
  `${page && "PAGE:"}X,Y=#RRGGBB or ${page && "PAGE:"}X,Y,RADIUS=#RRGGBB, in the page's pixels, such as ${page}410,220=#c03028`;

/** Reads a dot; undefined for a text that is none. */
export function readDot(text: string): HintDot | undefined {
  const [, x, y, radius, hex = ""] = DOT.exec(text) ?? [];
  if (x === undefined) return undefined;
  const color = `#${hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex}`;
  return { x: Number(x), y: Number(y), color, ...(radius === undefined ? {} : { radius: Number(radius) }) };
}

/** Reads a page's name and what stands after the last colon. */
function readNamed<T>(text: string, read: (rest: string) => T | undefined): { page: string; hints: T } | undefined {
  const cut = text.lastIndexOf(":");
  const hints = cut < 1 ? undefined : read(text.slice(cut + 1));
  return hints === undefined ? undefined : { page: text.slice(0, cut), hints };
}

/** Puts a value at the end of those given so far; a fault takes the place of all. */
function append<T>(value: T | undefined, all: T[] | FlagFault | undefined, rule: string): T[] {
  if (all instanceof FlagFault) return all as never;
  return value === undefined ? fault(rule) : [...(all ?? []), value];
}

/** Adds the flags to a command whose pages are named otherwise. */
export function withHintFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--hint <x,y=color>", "colour at a point, in the page's pixels; may be repeated").argParser(
        (text: string, all?: HintDot[]) =>
          append(readDot(text), all, `--hint: must be ${form("")}, not ${JSON.stringify(text)}`),
      ),
    )
    .option("--hints <file>", "picture with strokes of colour on transparency, in the page's shape");
}

/** Adds the flags to a command that colours many pages. */
export function withNamedHintFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--hint <page:x,y=color>",
        "colour at a point of a page, in its pixels, such as 003.png:410,220=#c03028; may be repeated",
      )
        .helpGroup("Colouring:")
        .argParser((text: string, all?: NamedHints[]) =>
          append<NamedHints>(
            readNamed(text, readDot),
            all,
            `--hint: must be ${form("003.png:")}, not ${JSON.stringify(text)}`,
          ),
        ),
    )
    .addOption(
      new Option("--hints <page:file>", "picture with strokes of colour on transparency for a page; may be repeated")
        .helpGroup("Colouring:")
        .argParser((text: string, all?: NamedHints[]) =>
          append<NamedHints>(
            readNamed(text, (file) => file || undefined),
            all,
            `--hints: must be PAGE:FILE, such as 003.png:strokes.png, not ${JSON.stringify(text)}`,
          ),
        ),
    );
}
