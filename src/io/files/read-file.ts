/** Reads files of an input: whole, piece by piece, or only the first bytes. */
import { close, constants, fstatSync, open as openPath, read, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { readWhole as readAtOnce } from "../../binding/files.js";
import { ImageProcessingError } from "../../errors.js";
import { readFully, type ReadableFile } from "./byte-source.js";
import { inputError } from "./file-errors.js";

/** The largest file that is read whole: a picture of the largest size, 16 bits deep and not packed, has 720 MB. */
const MAX_WHOLE_BYTES = 2 ** 31 - 1;
const CHUNK_BYTES = 2 ** 20;
/** What goes in one trip to another thread, which copies it once more. */
const MOST_AT_ONCE_BYTES = 2 ** 22;

/** What a path leads to that is neither a file nor a folder. */
export function specialFile(info: Pick<Stats, "isFIFO" | "isSocket" | "isBlockDevice" | "isCharacterDevice">): string {
  if (info.isFIFO()) return "a named pipe";
  if (info.isSocket()) return "a socket";
  return info.isBlockDevice() || info.isCharacterDevice() ? "a device" : "a special file";
}

/** Opening a pipe waits for a writer without this flag. Windows has no such flag. */
export const OPEN_TO_READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** @throws Error for what is no file, which could be waited for or never end */
export function assertIsFile(info: Stats): void {
  if (info.isFile()) return;
  throw new Error(info.isDirectory() ? "it is a folder, a file is needed" : `it is ${specialFile(info)}, not a file`);
}

/**
 * Opens a file to read it. Looking at the path first does not tell: what is there may be another thing by now.
 * Rejects with the system's error, or with an `Error` for what is no file.
 */
export async function openFile(path: string | Buffer): Promise<FileHandle> {
  return (await openSized(path)).file;
}

/** The same, with the file's size as it was opened. */
async function openSized(path: string | Buffer): Promise<{ file: FileHandle; size: number }> {
  const file = await open(path, OPEN_TO_READ);
  try {
    const info = await file.stat();
    assertIsFile(info);
    return { file, size: info.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The first bytes of a file, fewer where it has fewer. Rejects with `ERR_INPUT_NOT_FOUND`. */
export function readHead(path: string | Buffer, maxBytes: number): Promise<Uint8Array> {
  return withFile(path, async (file) => {
    const head = new Uint8Array(maxBytes);
    return head.subarray(0, await readFully(file, head, 0));
  });
}

/**
 * A file whole. Rejects with `ERR_INPUT_NOT_FOUND`, or with `ERR_IMAGE_LIMIT` before it reads one that is too large.
 */
export async function readWhole(path: string | Buffer): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readAtOnce(path, MOST_AT_ONCE_BYTES).catch(() => undefined);
  if (bytes !== undefined) return bytes;
  return withFile(path, async (file, size) => {
    if (size > MAX_WHOLE_BYTES)
      throw new ImageProcessingError(
        "ERR_IMAGE_LIMIT",
        `${path.toString()} has ${size} bytes; a picture has at most ${MAX_WHOLE_BYTES}`,
        { imagePath: path.toString() },
      );
    const bytes = new Uint8Array(size);
    const done = await readFully(file, bytes, 0);
    return done === size ? bytes : bytes.slice(0, done);
  });
}

/**
 * A file of any size in pieces of a mebibyte, as long as it was when it was opened: one that is being appended to ends.
 * Rejects with `ERR_INPUT_NOT_FOUND`.
 */
export async function* fileChunks(path: string | Buffer): AsyncGenerator<Uint8Array> {
  const failed = (cause: unknown): Promise<never> => Promise.reject(inputError(path.toString(), cause));
  const { file, size } = await openSized(path).catch(failed);
  try {
    for (let position = 0; position < size;) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, size - position));
      const done = await readFully(file, chunk, position).catch(failed);
      if (done === 0) return;
      yield chunk.subarray(0, done);
      position += done;
    }
  } finally {
    await file.close();
  }
}

// Plain descriptors: reading a page's file through a `FileHandle` takes half as much processor time again.
const [openDescriptor, readDescriptor, closeDescriptor] = [promisify(openPath), promisify(read), promisify(close)];

async function withFile<T>(path: string | Buffer, work: (file: ReadableFile, size: number) => Promise<T>): Promise<T> {
  try {
    const descriptor = await openDescriptor(path, OPEN_TO_READ);
    try {
      const info = fstatSync(descriptor); // the system has just looked
      assertIsFile(info);
      const file: ReadableFile = {
        read: (target, offset, length, position) => readDescriptor(descriptor, target, offset, length, position),
      };
      return await work(file, info.size);
    } finally {
      await closeDescriptor(descriptor);
    }
  } catch (cause) {
    throw cause instanceof ImageProcessingError ? cause : inputError(path.toString(), cause);
  }
}
