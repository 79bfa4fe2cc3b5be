/**
 * Names of results: `<stem>_colorized<ext>`, folders mirrored or flat, never two of the same name. Pure functions over
 * names.
 */
import { extensionOf } from "./entry-rules.js";
import { outputExtension, type WrittenFormat } from "../image/output-format.js";

export interface OutputNameOptions {
  /** Mirror the input's folders. Default true; false puts every result side by side. */
  readonly preserveStructure?: boolean;
  /** Format of all results; without it each page keeps its own where that is written (GIF becomes PNG). */
  readonly format?: WrittenFormat | undefined;
  /** Results differ in more than their extensions: each has a folder of layers beside it. Default false. */
  readonly layerFolders?: boolean;
}

/** The longest file name common file systems take, in bytes of UTF-8; some is left for `_12` and temporary names. */
const MAX_LABEL_BYTES = 255 - 15;
const SUFFIX = "_colorized";

/** Names that Windows keeps for devices, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])$/iu;
/** Control characters, and marks that reorder text on screen. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The same relative name made fit for every system: no device names (`CON/nul.png` → `CON_/nul_.png`), no control
 * characters or marks that reorder text, no folder that ends in a dot or space. Other names stay as they are.
 */
export function portableName(name: string): string {
  return name
    .split("/")
    .map((part, index, parts) => {
      const clean = part.replace(UNPRINTABLE, "_");
      const dot = clean.indexOf(".");
      const stem = dot < 0 ? clean : clean.slice(0, dot);
      const whole = DEVICE.test(stem.trimEnd()) ? `${stem}_${clean.slice(stem.length)}` : clean;
      return index < parts.length - 1 ? whole.replace(/[. ]+$/u, (end) => "_".repeat(end.length)) : whole;
    })
    .join("/");
}

/** `a/001.jpg` → `a/001_colorized.jpg`. */
export function colorizedName(given: string, format?: WrittenFormat): string {
  const name = portableName(given);
  const slash = name.lastIndexOf("/") + 1;
  const base = name.slice(slash);
  const own = extensionOf(base);
  const stem = base.slice(0, base.length - own.length);
  const wanted = outputExtension(base, format);
  return name.slice(0, slash) + shorten(stem, MAX_LABEL_BYTES - SUFFIX.length - wanted.length) + SUFFIX + wanted;
}

/** Puts a number in front of the extension: `a/x.png`, 2 → `a/x_2.png`. */
export function numberedName(name: string, n: number): string {
  const cut = name.length - extensionOf(name).length;
  return n === 0 ? name : `${name.slice(0, cut)}_${n}${name.slice(cut)}`;
}

/** What decides whether two names are the same file on any system: composed Unicode, without case. */
export function nameKey(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** The first of `name`, `name_1`, `name_2`, … that `isTaken` does not know. */
export function firstFreeName(name: string, isTaken: (candidate: string) => boolean): string {
  let n = 0;
  while (isTaken(numberedName(name, n))) n++;
  return numberedName(name, n);
}

/** The first number from 0 of which nothing exists. */
export async function firstFreeNumber(exists: (number: number) => Promise<boolean>): Promise<number> {
  let n = 0;
  while (await exists(n)) n++;
  return n;
}

/**
 * The results' names for all pages of a run, in their order; no two are equal, nor equal but for case. The plan depends
 * on the pages' names and order only, so that a run that goes on later gives the same names. Flat names that would meet
 * carry their folders: `a/001.png` and `b/001.png` become `a_001_colorized.png` and `b_001_colorized.png`.
 */
export function planOutputNames(names: readonly string[], options: OutputNameOptions = {}): string[] {
  const { preserveStructure = true, format, layerFolders = false } = options;
  const wanted = names.map((name) =>
    colorizedName(preserveStructure ? name : name.slice(name.lastIndexOf("/") + 1), format),
  );
  if (!preserveStructure) {
    const uses = new Map<string, number>();
    for (const name of wanted) uses.set(nameKey(name), (uses.get(nameKey(name)) ?? 0) + 1);
    for (const [i, name] of names.entries()) {
      if (uses.get(nameKey(wanted[i]!))! > 1) wanted[i] = colorizedName(name.replaceAll("/", "_"), format);
    }
  }
  const taken = new Set<string>();
  const place = (name: string): string => nameKey(layerFolders ? layersFolder(name) : name);
  return wanted.map((name) => {
    const free = firstFreeName(name, (candidate) => taken.has(place(candidate)));
    taken.add(place(free));
    return free;
  });
}

/** The layers of a page as files, from the bottom up, as they are stacked when all are opened together. */
export const LAYER_NAMES = ["1_original.png", "2_color.png", "3_ink.png"] as const;

/** The folder of a picture's layers, beside it: `a/001_colorized.jpg` → `a/001_colorized_layers`. */
export function layersFolder(picture: string): string {
  return `${picture.slice(0, picture.length - extensionOf(picture).length)}_layers`;
}

/** Cuts text to a number of UTF-8 bytes without splitting a character. */
function shorten(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let bytes = 0;
  let kept = "";
  for (const char of text) {
    bytes += Buffer.byteLength(char);
    if (bytes > maxBytes) break;
    kept += char;
  }
  return kept;
}
