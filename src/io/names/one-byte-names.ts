/**
 * Rates bytes as text in encodings of one byte a character: those that ZIP archives have by their standard, and those
 * of Windows in Europe.
 */

export const ONE_BYTE_ENCODINGS = ["cp437", "windows-1252", "cp866", "windows-1251"] as const;
export type OneByteEncoding = (typeof ONE_BYTE_ENCODINGS)[number];

/** Code page 437, the encoding of ZIP names without the UTF-8 flag (PKWARE APPNOTE, appendix D); upper half only. */
const CP437_UPPER =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** Windows-1252 from 0x80 to 0x9f, where Node's decoder takes it for ISO 8859-1; the rest is the same. */
const CP1252_MIDDLE = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009dž\u0178";

/** The text; every byte has a character, so that no two names become one. */
export function decodeOneByte(bytes: Uint8Array, encoding: OneByteEncoding): string {
  if (encoding === "cp866") return new TextDecoder("ibm866").decode(bytes);
  if (encoding === "windows-1251") return new TextDecoder(encoding).decode(bytes);
  const [table, end] = encoding === "cp437" ? [CP437_UPPER, 0x100] : [CP1252_MIDDLE, 0xa0];
  return Array.from(bytes, (byte) =>
    byte < 0x80 || byte >= end ? String.fromCodePoint(byte) : table[byte - 0x80]!,
  ).join("");
}

/**
 * A letter, digit or mark of ASCII, which the encodings of two bytes may take for the second byte of something else.
 */
const ASCII = Math.log(1 / 25);

/** Code page 437: letters with accents; all else is box drawing, Greek and the like. */
const ACCENTED = Math.log(0.8 / 38);
const SHARP_S = 0xe1;
const OTHER_437 = Math.log(0.05 / 90);
/** Two accented letters side by side are rare in the languages of Western Europe. */
const NEIGHBOURS = -3;

/** Windows-1252: letters with accents, quotation marks and dashes, all else. */
const ACCENTED_1252 = Math.log(0.8 / 62);
const MARK_1252 = Math.log(0.15 / 20);
const OTHER_1252 = Math.log(0.01 / 40);
const MARKS = new Set("«»“”‘’–—…°·¡¿");

/** Shares of the letters in Russian text, of 10,000; those of its neighbours last. */
const SHARES =
  "о1100 е850 а800 и740 н670 т630 с550 р470 в450 л440 к350 м320 д300 п280 у260 я200 ы190 ь170 г170 з160 б160 ч140 й120 " +
  "х100 ж90 ш70 ю60 ц50 щ40 э30 ф30 ё30 ъ5 і10 ї5 є5 ў3";
const CYRILLIC = new Map(SHARES.split(" ").map((share) => [share[0]!, Number(share.slice(1)) / 10_000]));
/** What names of comics are full of: chapter, volume, part, issue, cover, page, manga, comic. */
const COMMON_CYRILLIC = /глава|том|част|выпуск|обложк|стр|манга|комикс/gu;
const COMMON_BONUS = 3.5;
const OTHER_CYRILLIC = Math.log(0.005 / 60);
/** Cyrillic beside Latin, or a capital behind a small letter: hardly ever in one word. */
const MIXED = -5;
/** Share of capitals where none stands before, and where one does. */
const CAPITALS = { first: 0.15, further: 0.5 };

/** Log-likelihood of the bytes above ASCII; undefined when they are not of this encoding. */
export function scoreOneByte(encoding: OneByteEncoding, name: Uint8Array): number | undefined {
  if (encoding === "cp437") return scoreCp437(name);
  const text = decodeOneByte(name, encoding);
  if (/[\u0080-\u009f]/u.test(text)) return undefined;
  return secondBytes(name) + (encoding === "windows-1252" ? scoreLatin(text) : scoreCyrillic(text));
}

/**
 * Letters and the like of ASCII behind other bytes are charged, so that all ways are held against the same text.
 */
function secondBytes(name: Uint8Array): number {
  let score = 0;
  for (let i = 1; i < name.byteLength; i++)
    if (name[i]! < 0x80 && name[i]! >= 0x40 && name[i - 1]! >= 0x80) score += ASCII;
  return score;
}

function scoreCp437(name: Uint8Array): number {
  let score = secondBytes(name);
  for (const [i, byte] of name.entries()) {
    if (byte < 0x80) continue;
    score += byte <= 0xa5 || byte === SHARP_S ? ACCENTED : OTHER_437;
    if (i > 0 && name[i - 1]! >= 0x80) score += NEIGHBOURS;
  }
  return score;
}

function scoreLatin(text: string): number {
  let score = 0;
  for (let i = 0; i < text.length; i++) {
    const [before, char] = [text[i - 1] ?? "", text[i]!];
    if (char < "\u0080") continue;
    if (MARKS.has(char)) score += MARK_1252;
    else score += /\p{L}/u.test(char) ? ACCENTED_1252 : OTHER_1252;
    if (before >= "\u0080") score += NEIGHBOURS;
    else if (/\p{Lu}/u.test(char) && /\p{Ll}/u.test(before)) score += MIXED;
  }
  return score;
}

function scoreCyrillic(text: string): number {
  let score = [...text.toLowerCase().matchAll(COMMON_CYRILLIC)].length * COMMON_BONUS;
  for (let i = 0; i < text.length; i++) {
    const [before, char, after] = [text[i - 1] ?? "", text[i]!, text[i + 1] ?? ""];
    if (char < "\u0080") continue;
    const small = char.toLowerCase();
    const share = CYRILLIC.get(small);
    if (share === undefined) {
      score += OTHER_CYRILLIC;
      continue;
    }
    const capitals = isCapital(before) ? CAPITALS.further : CAPITALS.first;
    score += Math.log(share * (char === small ? 1 - capitals : capitals));
    if (char !== small && before >= "\u0080" && !isCapital(before)) score += MIXED;
    if (/[a-z]/iu.test(before)) score += MIXED;
    if (/[a-z]/iu.test(after)) score += MIXED;
  }
  return score;
}

function isCapital(char: string): boolean {
  return char >= "\u0080" && char !== char.toLowerCase();
}
