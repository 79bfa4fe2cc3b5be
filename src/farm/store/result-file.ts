/** A page's result as a file: one line of JSON, then the bytes of its picture and layers, each with its SHA-256. */
import { z } from "zod";
import {
  pageResultSchema,
  type ColorizedPage,
  type FailedPage,
  type PageResult,
} from "../../colorization/request/page-request.js";
import { sha256 } from "../../platform/sha256.js";
import { parseJson } from "../../text/parse-json.js";

const file = z.strictObject({ name: z.string(), bytes: z.int().min(0), sha256: z.string() });
const header = z.looseObject({ files: z.array(file).min(1) });
const LINE_FEED = 0x0a;

/** The bytes of a result. */
export async function encodeResult({ data, layers = [], ...facts }: ColorizedPage): Promise<Uint8Array> {
  const files = [{ name: "", data }, ...layers];
  const line = JSON.stringify({
    ...facts,
    files: await Promise.all(
      files.map(async (one) => ({ name: one.name, bytes: one.data.byteLength, sha256: await sha256(one.data) })),
    ),
  });
  return Buffer.concat([encode(`${line}\n`), ...files.map((one) => one.data)]);
}

/** The result in a file; undefined if it is damaged. */
export async function decodeResult(bytes: Uint8Array): Promise<PageResult | undefined> {
  try {
    const end = bytes.indexOf(LINE_FEED);
    const { files, ...facts } = header.parse(JSON.parse(Buffer.from(bytes.subarray(0, end)).toString()));
    let at = end + 1;
    const found: { name: string; data: Uint8Array }[] = [];
    for (const one of files) {
      const data = bytes.subarray(at, at + one.bytes);
      if ((await sha256(data)) !== one.sha256) return undefined;
      found.push({ name: one.name, data });
      at += one.bytes;
    }
    const [picture, ...layers] = found;
    return pageResultSchema.parse({ ...facts, data: picture!.data, ...(layers.length === 0 ? {} : { layers }) });
  } catch {
    return undefined;
  }
}

/** The bytes of a failure. */
export function encodeFailure(result: FailedPage): Uint8Array {
  return encode(JSON.stringify(result));
}

/** The failure in a file; undefined if it is damaged. */
export function decodeFailure(bytes: Uint8Array): FailedPage | undefined {
  try {
    const parsed = pageResultSchema.safeParse(parseJson(Buffer.from(bytes).toString())).data;
    return parsed?.status === "failed" ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
