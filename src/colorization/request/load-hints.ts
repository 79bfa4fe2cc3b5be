/** Reads the colour hints that a page request names, ready for the page. */
import { hintColor } from "../../config/color-hints.js";
import { ImageProcessingError, isRetryable, messageOf } from "../../errors.js";
import type { TaskPool } from "../tasks/pool.js";
import type { PageRequest } from "./page-request.js";
import { hintPictureFault, type PageHints } from "../page/page-hints.js";

/**
 * @param page the decoded page's size
 * @param read reads a picture's file
 * @throws ImageProcessingError `ERR_HINTS` for a picture that cannot be read or does not have the page's shape; what
 * `read` rejects
 *   with if another try may succeed
 */
export async function loadHints(
  pool: Pick<TaskPool, "run">,
  hints: NonNullable<PageRequest["hints"]>,
  page: { readonly width: number; readonly height: number },
  read: () => Promise<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<PageHints> {
  if (Array.isArray(hints)) return hints.map(({ color, ...dot }) => ({ ...dot, color: hintColor(color) }));
  const { name } = hints;
  const refuse = (fault: string, cause?: unknown): ImageProcessingError =>
    new ImageProcessingError("ERR_HINTS", `the picture of hints ${name} ${fault}`, {
      imagePath: name,
      ...(cause === undefined ? {} : { cause }),
    });
  const bytes = await read().catch((error: unknown) => {
    // A farm's store that does not answer is no fault of the page.
    if (isRetryable(error)) throw error;
    throw refuse(`cannot be read (${messageOf(error)})`, error);
  });
  const picture = await pool.run("decodeHints", { bytes: new Uint8Array(bytes), name }, { signal });
  const fault = hintPictureFault(picture, page);
  if (fault !== undefined) throw refuse(fault);
  return picture;
}
