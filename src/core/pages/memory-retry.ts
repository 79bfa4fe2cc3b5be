/**
 * Colours a page as memory allows: it waits until it fits, and is done again, with fewer pages beside it, when memory
 * runs out all the same.
 */
import { isOutOfMemory } from "../../errors.js";
import type { DecodedImage } from "../../io/image/image-codec.js";
import type { PageSize } from "../../memory/memory-manager.js";
import { colourPage, type ColouredPage, type PageContext, type PageJob } from "./page-work.js";

/**
 * The engine has given back what it can (caches, arenas) before an error comes here.
 * @throws ResourceError `ERR_OUT_OF_MEMORY` for a page that does not fit even alone; else as `colourPage`
 */
export async function colourAsMemoryAllows(
  context: PageContext,
  job: PageJob,
  decoded: DecodedImage,
  signal: AbortSignal,
): Promise<ColouredPage> {
  const { memory, pool } = context.engine;
  const { topK } = job.settings;
  const size: PageSize = [decoded.image.width, decoded.image.height];
  let page: DecodedImage | undefined = decoded;
  for (;;) {
    const slot = await memory.beginPage(job.entry.name, size, { topK, signal });
    try {
      // Its pixels moved to a worker in the first attempt.
      page ??= await pool.decode(await job.entry.read(), job.entry.name, { signal, keepGray: true });
      return await colourPage(context, job, page, signal);
    } catch (error) {
      if (signal.aborted || !isOutOfMemory(error)) throw error;
      if (memory.thinOut(error, slot) === "fail") throw memory.outOfMemory(size, topK, error);
      page = undefined;
    } finally {
      slot.release();
    }
  }
}
