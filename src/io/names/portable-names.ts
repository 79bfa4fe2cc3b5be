/** Names that are valid on every system: their characters, their length, and when two of them are the same file. */

/** The longest file name that common file systems take, in bytes of UTF-8. */
const LONGEST_LABEL_BYTES = 255;
/** Some is left for `_12` and temporary names. */
const MAX_LABEL_BYTES = LONGEST_LABEL_BYTES - 15;
/** How much of a shortened name's end stays: it is where page numbers stand. */
const TAIL_BYTES = 48;
/** Where a shortened name was cut. */
const CUT = "~";

/** Names that Windows keeps for devices, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])$/iu;
/** Control characters, marks that reorder text on screen, and what has a meaning in paths somewhere. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\\<>:"|?*]/gu;

/**
 * The same relative name made fit for every system: no device names (`CON/nul.png` → `CON_/nul_.png`), no control
 * characters or marks that reorder text, none of `\ < > : " | ? *`, no part that ends in a dot or space, none longer
 * than 240 bytes. Other names stay as they are.
 */
export function portableName(name: string): string {
  const parts = name.split("/").map(portableLabel);
  return parts.map((part, index) => (index < parts.length - 1 ? fitLabel(part) : fitFile(part))).join("/");
}

function fitFile(label: string): string {
  const extension = /\.[^.]{1,15}$/u.exec(label)?.[0] ?? "";
  return fitLabel(label.slice(0, label.length - extension.length), extension);
}

/** The same file or folder name, of whatever length, made fit for every system. */
export function portableLabel(given: string): string {
  const clean = given.replace(UNFIT, "_");
  const dot = clean.indexOf(".");
  const stem = dot < 0 ? clean : clean.slice(0, dot);
  const named = DEVICE.test(stem.trimEnd()) ? `${stem}_${clean.slice(stem.length)}` : clean;
  return named.replace(/[. ]+$/u, (end) => "_".repeat(end.length));
}

/** A stem with what must follow it, cut in its middle where both together are too long for a file name. */
export function fitLabel(stem: string, suffix = "", maxBytes = MAX_LABEL_BYTES): string {
  const room = maxBytes - Buffer.byteLength(suffix);
  if (Buffer.byteLength(stem) <= room) return stem + suffix;
  const chars = Array.from(stem);
  const tail = take(chars.toReversed(), Math.min(TAIL_BYTES, Math.floor(room / 2))).toReversed();
  const head = take(chars, room - CUT.length - Buffer.byteLength(tail.join("")));
  return `${head.join("")}${CUT}${tail.join("")}${suffix}`;
}

/** The first characters that fit into a number of bytes. */
function take(chars: readonly string[], maxBytes: number): string[] {
  let bytes = 0;
  const end = chars.findIndex((char) => (bytes += Buffer.byteLength(char)) > maxBytes);
  return chars.slice(0, end < 0 ? chars.length : end);
}

/** What decides whether two names are the same file on any system: composed Unicode, without case. */
export function nameKey(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
