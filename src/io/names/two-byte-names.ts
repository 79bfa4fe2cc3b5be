/** Rates bytes as text in the encodings of East Asia, which have two bytes for most of their characters. */

/** GBK stands for GB 18030, which has all of it. */
export const TWO_BYTE_ENCODINGS = ["shift_jis", "gbk", "big5", "euc-kr"] as const;
export type TwoByteEncoding = (typeof TWO_BYTE_ENCODINGS)[number];

/** Its name for `TextDecoder`. */
export function twoByteLabel(encoding: TwoByteEncoding): string {
  return encoding === "gbk" ? "gb18030" : encoding;
}

/**
 * Characters of a class share its weight; the classes of an encoding are tried in order. Codes are those of two bytes,
 * or of one below 256.
 */
type CharacterClass = readonly [from: number, to: number, weight: number, count: number, trailFrom?: number];

/** Weights are shares of ordinary text: names, numbers and titles of comics. */
const CLASSES: Readonly<Record<TwoByteEncoding, readonly CharacterClass[]>> = {
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
const COMMON: Readonly<Record<TwoByteEncoding, ReadonlySet<string>>> = {
  shift_jis: new Set("第巻話章回上下中表紙裏目次扉漫画"),
  gbk: new Set("第卷话章回集册上下中封面目录彩页漫画汉化番外篇"),
  big5: new Set("第卷話章回集冊上下中封面目錄彩頁漫畫番外篇"),
  "euc-kr": new Set("제권화장회편부상하중표지목차만화외전"),
};
const COMMON_BONUS = 3.5;

const UNLIKELY = Math.log(1e-9);
/** Some decoders take a lead byte without its second for a control character. */
const CONTROL = /[\u0080-\u009f]/u;

/** In GB 18030 characters of four bytes, with a digit second, lie beside those of two. */
const FOUR_BYTES = Math.log(0.002 / 40_000);
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

function isLead(encoding: TwoByteEncoding, byte: number): boolean {
  if (encoding === "shift_jis") return (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc);
  return byte >= 0x81 && byte <= 0xfe;
}

function likelihood(encoding: TwoByteEncoding, code: number): number {
  for (const [from, to, weight, count, trailFrom = 0] of CLASSES[encoding]) {
    if (code >= from && code <= to && (code & 0xff) >= trailFrom) return Math.log(weight / count);
  }
  return UNLIKELY;
}

/**
 * Log-likelihood of the bytes above ASCII, and of what they take with them; undefined when they are not of this
 * encoding.
 */
export function scoreTwoByte(encoding: TwoByteEncoding, name: Uint8Array): number | undefined {
  let text: string;
  try {
    text = new TextDecoder(twoByteLabel(encoding), { fatal: true }).decode(name);
  } catch {
    return undefined;
  }
  if (CONTROL.test(text)) return undefined;
  let score = Array.from(text).filter((char) => COMMON[encoding].has(char)).length * COMMON_BONUS;
  for (let i = 0; i < name.byteLength; i++) {
    const byte = name[i]!;
    if (byte < 0x80) continue;
    if (encoding === "gbk" && isDigit(name[i + 1])) {
      score += FOUR_BYTES;
      i += 3;
    } else
      score += isLead(encoding, byte)
        ? likelihood(encoding, byte * 256 + (name[++i] ?? 0))
        : likelihood(encoding, byte);
  }
  return score;
}
