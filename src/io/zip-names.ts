/** Names of archive entries: from bytes to a safe relative path, or the reason why there is none. */
import { crc32 } from "node:zlib";

/** Code page 437, the encoding of ZIP names without the UTF-8 flag (PKWARE APPNOTE, appendix D); upper half only. */
const CP437_UPPER =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
const UTF8_FLAG = 0x800;
const UNICODE_PATH_FIELD = 0x7075;
/** Marks that reorder text on screen and could make a name look like another. */
const BIDI_MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function decodeCp437(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCodePoint(byte) : CP437_UPPER[byte - 0x80]!)).join("");
}

/** The text when the bytes are well-formed UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * An entry's name as text, NFC, without bidi marks. In this order: Info-ZIP's Unicode path field (when its checksum fits), UTF-8
 * (flagged, or well-formed: many tools forget the flag), code page 437.
 */
export function decodeEntryName(raw: Uint8Array, flags: number, extraFields: readonly { id: number; data: Uint8Array }[] = []): string {
  const field = extraFields.find(({ id, data }) => id === UNICODE_PATH_FIELD && data.byteLength > 5 && data[0] === 1)?.data;
  const fieldFits = field !== undefined && new DataView(field.buffer, field.byteOffset).getUint32(1, true) === crc32(raw);
  const text = (fieldFits ? decodeUtf8(field.subarray(5)) : undefined) ?? decodeUtf8(raw) ?? ((flags & UTF8_FLAG) !== 0 ? new TextDecoder().decode(raw) : decodeCp437(raw));
  return text.normalize("NFC").replace(BIDI_MARKS, "");
}

/**
 * Why a name must not be used as a relative path; undefined when it is safe. A name with `./` or empty parts in it is safe after
 * `normalizeEntryName`.
 */
export function nameFault(name: string): string | undefined {
  if (name === "") return "its name is empty";
  if (name.includes("\\")) return "its name has a backslash";
  if (name.startsWith("/")) return "its name is absolute";
  if (/^[a-z]:/iu.test(name)) return "its name has a drive letter";
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/u.test(name)) return "its name has control characters";
  if (name.split("/").includes("..")) return "its name leads out of the folder (..)";
  if (Buffer.byteLength(name) > 4096) return "its name is longer than 4096 bytes";
  return undefined;
}

/** Drops `.` and empty parts; keeps a trailing slash (a folder). */
export function normalizeEntryName(name: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.join("/") + (name.endsWith("/") && parts.length > 0 ? "/" : "");
}

/** A name fit for a message: control characters shown as escapes, at most 200 characters. */
export function printableName(name: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is replaced
  const text = name.replace(/[\u0000-\u001f\u007f-\u009f]/gu, (char) => `\\x${char.codePointAt(0)!.toString(16).padStart(2, "0")}`);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
