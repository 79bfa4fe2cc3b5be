/**
 * Detects the legacy encoding of an archive's names: ZIP names without the UTF-8 flag are officially code page 437, in
 * practice whatever the packer's Windows used. All names of an archive are judged together, by how likely each reading
 * is as text. The platform's `TextDecoder`, which knows these encodings by the Encoding Standard, decodes them.
 */

/** What names without a mark may be in. */
export const NAME_ENCODINGS = ["cp437", "shift_jis", "gbk", "big5", "euc-kr"] as const;
export type NameEncoding = (typeof NAME_ENCODINGS)[number];

/**
 * Characters of a class share its weight; the classes of an encoding are tried in order. Codes are those of two bytes,
 * or of one below 256.
 */
type CharacterClass = readonly [from: number, to: number, weight: number, count: number, trailFrom?: number];

/** Weights are shares of ordinary text: names, numbers and titles of comics. */
const CLASSES: Readonly<Record<Exclude<NameEncoding, "cp437">, readonly CharacterClass[]>> = {
  shift_jis: [
    [0x829f, 0x82f1, 0.25, 83],
    [0x8340, 0x8396, 0.22, 86],
    [0x815b, 0x815b, 0.03, 1], // kana, the long vowel
    [0x8140, 0x8149, 0.03, 10],
    [0x8165, 0x817a, 0.006, 22],
    [0x824f, 0x829a, 0.03, 62], // punctuation, full-width digits and letters
    [0x889f, 0x9872, 0.4, 2965],
    [0x989f, 0xeaa4, 0.01, 3390],
    [0x8740, 0x879c, 0.004, 90],
    [0xfa40, 0xfc4b, 0.002, 388], // kanji of level 1, level 2, NEC, IBM
    [0xa1, 0xdf, 0.002, 63],
    [0x8150, 0x84be, 0.0005, 300], // half-width katakana; signs, Greek, Cyrillic
  ],
  gbk: [
    [0xb0a1, 0xd7f9, 0.88, 3755, 0xa1],
    [0xd8a1, 0xf7fe, 0.05, 3008, 0xa1],
    [0xa1a1, 0xa3fe, 0.06, 282, 0xa1], // hanzi of level 1, level 2, punctuation
    [0xa4a1, 0xa9fe, 0.001, 400, 0xa1],
    [0x8140, 0xa0fe, 0.003, 6080],
    [0xaa40, 0xfea0, 0.003, 8160],
  ],
  big5: [
    [0xa440, 0xc67e, 0.88, 5401],
    [0xc940, 0xf9d5, 0.04, 7652],
    [0xa140, 0xa3bf, 0.07, 408],
    [0x8740, 0xa0fe, 0.0005, 4000],
    [0xc6a1, 0xc8fe, 0.0005, 400],
    [0xf9d6, 0xfefe, 0.0005, 800],
  ],
  "euc-kr": [
    [0xb0a1, 0xc8fe, 0.93, 2350, 0xa1],
    [0xa1a1, 0xa3fe, 0.04, 282, 0xa1],
    [0xcaa1, 0xfdfe, 0.01, 4888, 0xa1],
    [0xa4a1, 0xacfe, 0.002, 704, 0xa1],
    [0x8141, 0xc6fe, 0.002, 8822],
  ],
};

/**
 * What names of comics are full of: volume, chapter, cover, contents, … A character that is one of them speaks for its
 * encoding.
 */
const COMMON: Readonly<Record<Exclude<NameEncoding, "cp437">, ReadonlySet<string>>> = {
  shift_jis: new Set("第巻話章回上下中表紙裏目次扉漫画"),
  gbk: new Set("第卷话章回集册上下中封面目录彩页漫画汉化番外篇"),
  big5: new Set("第卷話章回集冊上下中封面目錄彩頁漫畫番外篇"),
  "euc-kr": new Set("제권화장회편부상하중표지목차만화외전"),
};
const COMMON_BONUS = 3.5;

const UNLIKELY = Math.log(1e-9);
/** A name that is not of an encoding costs this beside its likelihood in code page 437, which has every byte. */
const UNDECODABLE = 2 * UNLIKELY;
/** A letter, digit or mark of ASCII as the second byte of something else. */
const ASCII = Math.log(1 / 25);
/** Code page 437: letters with accents; all else is box drawing, Greek and the like. */
const ACCENTED = Math.log(0.8 / 38);
const SHARP_S = 0xe1;
const OTHER_437 = Math.log(0.05 / 90);
/** Two accented letters side by side are rare in the languages that code page 437 is for. */
const NEIGHBOURS = -3;

/** Some decoders take a lead byte without its second for a control character. */
const CONTROL = /[\u0080-\u009f]/u;

function isLead(encoding: Exclude<NameEncoding, "cp437">, byte: number): boolean {
  if (encoding === "shift_jis") return (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc);
  return byte >= 0x81 && byte <= 0xfe;
}

function likelihood(encoding: Exclude<NameEncoding, "cp437">, code: number): number {
  for (const [from, to, weight, count, trailFrom = 0] of CLASSES[encoding]) {
    if (code >= from && code <= to && (code & 0xff) >= trailFrom) return Math.log(weight / count);
  }
  return UNLIKELY;
}

/**
 * Log-likelihood of the bytes above ASCII, and of what they take with them; undefined when they are not of this
 * encoding.
 */
function scoreTwoByte(encoding: Exclude<NameEncoding, "cp437">, name: Uint8Array): number | undefined {
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(name);
  } catch {
    return undefined;
  }
  if (CONTROL.test(text)) return undefined;
  let score = Array.from(text).filter((char) => COMMON[encoding].has(char)).length * COMMON_BONUS;
  for (let i = 0; i < name.byteLength; i++) {
    const byte = name[i]!;
    if (byte < 0x80) continue;
    score += isLead(encoding, byte) ? likelihood(encoding, byte * 256 + (name[++i] ?? 0)) : likelihood(encoding, byte);
  }
  return score;
}

/**
 * The same bytes as code page 437; second bytes in ASCII are charged, so that both ways are held against the same text.
 */
function scoreCp437(name: Uint8Array): number {
  let score = 0;
  for (let i = 0; i < name.byteLength; i++) {
    const byte = name[i]!;
    if (byte < 0x80) {
      if (i > 0 && name[i - 1]! >= 0x80 && byte >= 0x40) score += ASCII;
      continue;
    }
    score += byte <= 0xa5 || byte === SHARP_S ? ACCENTED : OTHER_437;
    if (i > 0 && name[i - 1]! >= 0x80) score += NEIGHBOURS;
  }
  return score;
}

/**
 * The encoding of an archive's names that have neither flag nor field. `names`: their bytes, those of ASCII and of
 * well-formed UTF-8 left out. A few names that are not of the encoding, such as one that was cut in the middle of a
 * character, do not rule it out. Without names, or without a likely reading, code page 437.
 */
export function detectNameEncoding(names: readonly Uint8Array[]): NameEncoding {
  const sample = names.slice(0, 400);
  let best: NameEncoding = "cp437";
  const cp437 = sample.map(scoreCp437);
  let bestScore = cp437.reduce((sum, score) => sum + score, 0);
  for (const encoding of NAME_ENCODINGS) {
    if (encoding === "cp437") continue;
    let score = 0;
    for (const [index, name] of sample.entries()) score += scoreTwoByte(encoding, name) ?? cp437[index]! + UNDECODABLE;
    if (score > bestScore) [best, bestScore] = [encoding, score];
  }
  return best;
}

/** Code page 437, the encoding of ZIP names without the UTF-8 flag (PKWARE APPNOTE, appendix D); upper half only. */
const CP437_UPPER =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

function decodeCp437(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCodePoint(byte) : CP437_UPPER[byte - 0x80]!)).join("");
}

/** The text where the bytes are well-formed UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether the bytes of a name had to be replaced by U+FFFD in its text. */
export function isPartlyDecoded(text: string, bytes: Uint8Array): boolean {
  return text.includes("\ufffd") && decodeUtf8(bytes) === undefined;
}

/** What people are told of such a name. `whose` names the file and where it is. */
export function partlyDecoded(whose: string): string {
  return `${whose} has a name that is neither UTF-8 nor in the encoding of the other names: the characters that cannot be read are replaced by \ufffd; check the name of its result`;
}

/** The text in an old encoding; what it does not have becomes U+FFFD. */
export function decodeLegacy(bytes: Uint8Array, encoding: NameEncoding): string {
  return encoding === "cp437" ? decodeCp437(bytes) : new TextDecoder(encoding).decode(bytes);
}
