/** Names of archive entries as text: which encoding their bytes are in. */
import { crc32 } from "node:zlib";
import { turn } from "../../concurrency/take-turns.js";
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
