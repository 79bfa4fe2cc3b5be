/**
 * The name of a page's result: a hash of everything that decides it. The same page is therefore done once, however
 * often it is asked for, and a result is never taken for that of other settings, another model or another version.
 */
import { createHash } from "node:crypto";
import type { PageRequest, ImageFile } from "../../colorization/request/page-request.js";
import { VERSION } from "../../core/version.js";

/** A page whose files are named by their hashes, fit for a queue. */
export type StoredRequest = PageRequest & { readonly page: { readonly hash: string } };

/** SHA-256 in hex. @throws nothing: what has no hash is refused by `withHashes` before */
export function resultKey({ page, settings, output, references, hints }: StoredRequest, modelHash: string): string {
  const facts = [
    VERSION,
    modelHash,
    page.hash,
    sorted(settings),
    sorted(output),
    references.map(({ name, hash }) => [name, hash]),
    hints === undefined || Array.isArray(hints) ? (hints ?? null) : (hints.picture as { hash?: string }).hash,
  ];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

function sorted(values: object): [string, unknown][] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * A request with every file named by its hash.
 * @param keep stores a file and gives its hash
 */
export async function withHashes(
  { page, hints, ...request }: PageRequest,
  keep: (bytes: Uint8Array) => Promise<string>,
): Promise<StoredRequest> {
  const hashOf = async (file: ImageFile): Promise<{ hash: string }> => {
    if ("hash" in file) return file;
    if ("bytes" in file) return { hash: await keep(file.bytes) };
    throw new TypeError(`a request for the queue names the path ${file.path}`);
  };
  return {
    ...request,
    page: await hashOf(page),
    ...(hints === undefined
      ? {}
      : { hints: Array.isArray(hints) ? hints : { ...hints, picture: await hashOf(hints.picture) } }),
  };
}
