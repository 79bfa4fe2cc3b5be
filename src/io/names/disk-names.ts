/** Names on disk, which are bytes on Linux, as text. */
import { decodeLegacy, decodeUtf8, detectNameEncoding } from "./name-encoding.js";

/**
 * The text of each name of a folder, NFC, with its bytes. Names that are not UTF-8 are read in the likeliest old
 * encoding of them all, as an archive's are.
 */
export function diskNames(names: readonly Buffer[]): [label: string, bytes: Buffer][] {
  const encoding = detectNameEncoding(names.filter((bytes) => decodeUtf8(bytes) === undefined));
  return names.map((bytes) => [(decodeUtf8(bytes) ?? decodeLegacy(bytes, encoding)).normalize("NFC"), bytes]);
}
