/** Names of archive entries: from bytes to a safe relative path, or the reason why there is none. */
import { crc32 } from "node:zlib";
import { turn } from "../../platform/take-turns.js";
import { decodeLegacy, decodeUtf8, detectNameEncoding, isTwoByte, type NameEncoding } from "../names/name-encoding.js";

const UTF8_FLAG = 0x800;
const UNICODE_PATH_FIELD = 0x7075;
/** Marks that reorder text on screen and could make a name look like another. */
const BIDI_MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The encoding of an archive's unmarked names: told from those that are not UTF-8. The event loop runs meanwhile. */
export async function archiveNameEncoding(
  entries: Iterable<{ readonly rawName: Uint8Array; readonly flags: number }>,
): Promise<NameEncoding> {
  const unmarked: Uint8Array[] = [];
  for (const { rawName, flags } of entries) {
    await turn();
    if ((flags & UTF8_FLAG) === 0 && rawName.some((byte) => byte >= 0x80) && decodeUtf8(rawName) === undefined)
      unmarked.push(rawName);
  }
  return detectNameEncoding(unmarked);
}

/**
 * An entry's name as text, NFC, without bidi marks. In this order: Info-ZIP's Unicode path field (when its checksum
 * fits), UTF-8 (flagged, or well-formed: many tools forget the flag), the archive's own encoding
 * (`archiveNameEncoding`). Where that is an Asian one, text that as UTF-8 would be Latin, Greek or Cyrillic alone is in
 * it too: two bytes of it may by chance be well-formed UTF-8.
 */
export function decodeEntryName(
  raw: Uint8Array,
  flags: number,
  extraFields: readonly { id: number; data: Uint8Array }[] = [],
  encoding: NameEncoding = "cp437",
): string {
  const field = extraFields.find(
    ({ id, data }) => id === UNICODE_PATH_FIELD && data.byteLength > 5 && data[0] === 1,
  )?.data;
  const fieldFits =
    field !== undefined && new DataView(field.buffer, field.byteOffset).getUint32(1, true) === crc32(raw);
  const text = (fieldFits ? decodeUtf8(field.subarray(5)) : undefined) ?? decodePlainName(raw, flags, encoding);
  return text.normalize("NFC").replace(BIDI_MARKS, "");
}

function decodePlainName(raw: Uint8Array, flags: number, encoding: NameEncoding): string {
  const utf8 = decodeUtf8(raw);
  if ((flags & UTF8_FLAG) !== 0) return utf8 ?? new TextDecoder().decode(raw);
  const byChance =
    utf8 !== undefined && isTwoByte(encoding) && utf8.length < raw.byteLength && raw.every((byte) => byte < 0xe0);
  if (!byChance) return utf8 ?? decodeLegacy(raw, encoding);
  const legacy = decodeLegacy(raw, encoding);
  return legacy.includes("\ufffd") ? utf8 : legacy;
}

/** The longest relative name; a path of the system holds 4,096 bytes, the output's folder among them. */
const MAX_NAME_BYTES = 2048;
const MAX_NAME_PARTS = 100;

/** Why a name must not be used as a relative path; undefined when it is safe. */
export function nameFault(name: string): string | undefined {
  if (name === "") return "its name is empty";
  if (name.includes("\\")) return "its name has a backslash";
  if (name.startsWith("/")) return "its name is absolute";
  if (/^[a-z]:/iu.test(name)) return "its name has a drive letter";
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/u.test(name)) return "its name has control characters";
  const parts = name.split("/");
  if (parts.includes("..")) return "its name leads out of the folder (..)";
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `its name is longer than ${MAX_NAME_BYTES} bytes`;
  if (parts.length > MAX_NAME_PARTS) return `its name has more than ${MAX_NAME_PARTS} folders`;
  return undefined;
}

/**
 * A name as unpackers read it: `\` parts folders as `/` does; a drive letter, slashes in front, `.` and empty parts are
 * dropped. A trailing slash, which makes it a folder, stays.
 */
export function normalizeEntryName(given: string): string {
  const name = given.replaceAll("\\", "/").replace(/^(?:\/*[a-z]:)+/iu, "");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.join("/") + (name.endsWith("/") && parts.length > 0 ? "/" : "");
}

// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/gu;

/** A name fit for a message: control characters shown as escapes, at most 200 characters. */
export function printableName(name: string): string {
  const text = name.replace(CONTROL, (char) => `\\x${char.codePointAt(0)!.toString(16).padStart(2, "0")}`);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
