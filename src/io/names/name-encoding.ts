/**
 * Detects the legacy encoding of an archive's names: ZIP names without the UTF-8 flag are officially code page 437, in
 * practice whatever the packer's Windows used. All names of an archive are judged together, by how likely each reading
 * is as text. The platform's `TextDecoder`, which knows these encodings by the Encoding Standard, decodes them.
 */
import type { Notice } from "../../errors/notice.js";
import { turn } from "../../concurrency/take-turns.js";
import { decodeOneByte, ONE_BYTE_ENCODINGS, scoreOneByte, type OneByteEncoding } from "./one-byte-names.js";
import { scoreTwoByte, TWO_BYTE_ENCODINGS, twoByteLabel, type TwoByteEncoding } from "./two-byte-names.js";

/** What names without a mark may be in. */
export const NAME_ENCODINGS = [...ONE_BYTE_ENCODINGS, ...TWO_BYTE_ENCODINGS] as const;
export type NameEncoding = OneByteEncoding | TwoByteEncoding;

/** A name that is not of an encoding costs this beside its likelihood in code page 437, which has every byte. */
const UNDECODABLE = 2 * Math.log(1e-9);

/** So many names are judged, of so many bytes at most: enough to tell, and soon read. */
const SAMPLED_NAMES = 400;
const SAMPLED_BYTES = 1024;

export function isTwoByte(encoding: NameEncoding): encoding is TwoByteEncoding {
  return (TWO_BYTE_ENCODINGS as readonly string[]).includes(encoding);
}

function score(encoding: NameEncoding, name: Uint8Array): number | undefined {
  return isTwoByte(encoding) ? scoreTwoByte(encoding, name) : scoreOneByte(encoding, name);
}

/**
 * The encoding of an archive's names that have neither flag nor field. `names`: their bytes, those of ASCII and of
 * well-formed UTF-8 left out. A few names that are not of the encoding, such as one that was cut in the middle of a
 * character, do not rule it out. Without names, or without a likely reading, code page 437. The event loop runs
 * meanwhile.
 */
export async function detectNameEncoding(names: readonly Uint8Array[]): Promise<NameEncoding> {
  const sample: Uint8Array[] = [];
  for (const name of names) {
    await turn();
    if (sample.length < SAMPLED_NAMES && name.byteLength <= SAMPLED_BYTES) sample.push(name);
  }
  const sums = new Map<NameEncoding, number>();
  for (const name of sample) {
    await turn();
    const least = score("cp437", name)!;
    for (const encoding of NAME_ENCODINGS)
      sums.set(encoding, (sums.get(encoding) ?? 0) + (score(encoding, name) ?? least + UNDECODABLE));
  }
  let best: NameEncoding = "cp437";
  for (const [encoding, sum] of sums) if (sum > sums.get(best)!) best = encoding;
  return best;
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
export function partlyDecoded(whose: string): Notice {
  return {
    message: `${whose} has a name that is neither UTF-8 nor in the encoding of the other names: the characters that cannot be read are replaced by \ufffd`,
    remedy: "check the name of its result",
  };
}

/** The text in an old encoding; what it does not have becomes U+FFFD. */
export function decodeLegacy(bytes: Uint8Array, encoding: NameEncoding): string {
  return isTwoByte(encoding) ? new TextDecoder(twoByteLabel(encoding)).decode(bytes) : decodeOneByte(bytes, encoding);
}
