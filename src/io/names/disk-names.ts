/** Names on disk, which are bytes on Linux, as text. */
import { turn } from "../../concurrency/take-turns.js";
import { decodeLegacy, decodeUtf8, detectNameEncoding } from "./name-encoding.js";

/**
 * The text of each name of a folder, NFC, with its bytes. Names that are not UTF-8 are read in the likeliest old
 * encoding of them all, as an archive's are. The event loop runs meanwhile.
 */
export async function diskNames(names: readonly Buffer[]): Promise<[label: string, bytes: Buffer][]> {
  const texts: (string | undefined)[] = [];
  for (const bytes of names) {
    await turn();
    texts.push(decodeUtf8(bytes));
  }
  const encoding = await detectNameEncoding(names.filter((_, index) => texts[index] === undefined));
  const labels: [string, Buffer][] = [];
  for (const [index, bytes] of names.entries()) {
    await turn();
    labels.push([(texts[index] ?? decodeLegacy(bytes, encoding)).normalize("NFC"), bytes]);
  }
  return labels;
}
