/** Removes folders, also where a system keeps files for a moment after they were deleted. */
import { rm } from "node:fs/promises";

/**
 * Network shares and FUSE keep a deleted file under another name in its folder while a process has it open, and for a
 * moment after it is closed (`.nfs…`, `.fuse_hidden…`), so that the folder is not empty.
 */
const RETRIES = { maxRetries: 6, retryDelay: 30 } as const;

/**
 * Removes a folder with all that is in it, or a file; nothing there is fine. Close the files in it first. Rejects with
 * the system's error.
 */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, ...RETRIES });
}
