/** ICC profiles: what a profile is for, and handing one to sharp, which takes profiles as files only. */
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outputError } from "../../files/file-errors.js";

const HEADER_BYTES = 128;

/**
 * The colour space that a profile describes (ICC.1, header bytes 16-19), as `RGB`, `GRAY`, `CMYK`, …; undefined when it
 * is no profile.
 */
export function profileSpace(icc: Uint8Array): string | undefined {
  const head = Buffer.from(icc.buffer, icc.byteOffset, Math.min(icc.byteLength, HEADER_BYTES));
  if (head.byteLength < HEADER_BYTES || head.toString("latin1", 36, 40) !== "acsp") return undefined;
  return head.toString("latin1", 16, 20).trim();
}

/**
 * Whether a profile is sRGB, by its description: such pixels are taken as they are, where a conversion from sRGB to
 * sRGB would change dark colours by a level or two.
 */
export function isSrgb(icc: Uint8Array): boolean {
  if (profileSpace(icc) !== "RGB") return false;
  const bytes = Buffer.from(icc.buffer, icc.byteOffset, icc.byteLength);
  for (const { name, offset, length } of profileTags(bytes)) {
    if (name !== "desc") continue;
    const text = bytes.toString("latin1", offset, offset + Math.min(length, 512)).replaceAll("\0", ""); // ASCII or UTF-16
    return /\bsRGB|[^a-z]sRGB/u.test(text) && !/linear|e-sRGB|gamma/iu.test(text);
  }
  return false;
}

/**
 * Whether an RGB profile converts in one direction only, from its own colours, as those of some scanners do: it has a
 * table for that, and neither a table for the way back nor primaries.
 */
export function isOneWay(icc: Uint8Array): boolean {
  const names = new Set(profileTags(Buffer.from(icc.buffer, icc.byteOffset, icc.byteLength)).map(({ name }) => name));
  return names.has("A2B0") && !names.has("B2A0") && !names.has("rXYZ");
}

interface ProfileTag {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** The profile's table of tags, as far as it goes. */
function profileTags(bytes: Buffer): ProfileTag[] {
  const tags: ProfileTag[] = [];
  const count = bytes.byteLength < HEADER_BYTES + 4 ? 0 : Math.min(bytes.readUInt32BE(HEADER_BYTES), 64);
  for (let i = 0; i < count && HEADER_BYTES + 16 + 12 * i <= bytes.byteLength; i++) {
    const at = HEADER_BYTES + 4 + 12 * i;
    tags.push({
      name: bytes.toString("latin1", at, at + 4),
      offset: bytes.readUInt32BE(at + 4),
      length: bytes.readUInt32BE(at + 8),
    });
  }
  return tags;
}

/**
 * Runs `action` with the path of a temporary file that holds the profile. Each has a name of its own: libvips remembers
 * profiles by their names. Rejects with `ERR_OUTPUT_WRITE` when the temporary folder is not writable.
 */
export async function withProfileFile<T>(icc: Uint8Array, action: (path: string) => Promise<T>): Promise<T> {
  const path = join(tmpdir(), `.cobra-${process.pid}-${randomBytes(6).toString("hex")}.icc`);
  try {
    await writeFile(path, icc, { flag: "wx", mode: 0o600 }).catch((cause: unknown) =>
      Promise.reject(outputError(path, cause)),
    );
    return await action(path);
  } finally {
    await rm(path, { force: true });
  }
}
