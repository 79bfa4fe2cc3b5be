/**
 * Recognises, by its first bytes, a file that does not hold weights although it should: typically what a failed
 * download leaves in its place.
 */

/**
 * A sentence that says it and what to do; undefined for a file that looks like nothing in particular. `start`: its
 * first bytes, 512 are enough.
 */
export function foreignFile(start: Uint8Array): string | undefined {
  const begins = (text: string, at = 0): boolean => Buffer.from(text).equals(start.subarray(at, at + text.length));
  if (start.length === 0) return "it has zero bytes; get it again";
  if (begins("version https://git-lfs"))
    return "it is a Git LFS pointer, not the file itself; fetch the file with `git lfs pull`";
  if (begins("<")) return "it is a web page; download the file itself";
  if (begins("ustar", 257))
    return "it is a tar archive, PyTorch's format before 0.2; load and save it again with a newer PyTorch";
  if (begins("GGUF")) return "it is a GGUF file; the original checkpoint is needed";
  return undefined;
}
