/** Reads small files that a person names: configuration, lists, reports. Nothing is waited for that may never come. */
import { close, constants, fstat, open, read, readFile, type Stats } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";

// Descriptors, since a pipe's must be handed on to a socket.
const [openFile, closeFile, statFile] = [promisify(open), promisify(close), promisify(fstat)];
const [readPart, readAll] = [promisify(read), promisify(readFile)];

/** More than any of them has. */
const MOST_BYTES = 64 * 2 ** 20;
/** Without it, opening a pipe waits for a writer, and nothing ends that but SIGKILL. Windows has no such flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * A file whole, or what a pipe gives until its writers close it: `<(command)` of a shell is one. Rejects with the
 * system's error, or with an `Error` that says what is there instead: a pipe without a writer, a device, too large a
 * file.
 */
export async function readNamedFile(path: string, maxBytes = MOST_BYTES): Promise<Buffer> {
  const file = await openFile(path, FLAGS);
  let isTaken = false;
  try {
    const info = await statFile(file);
    if (info.isFIFO()) {
      const first = await firstOfPipe(file);
      isTaken = true;
      return await restOfPipe(file, first, maxBytes);
    }
    if (info.isDirectory()) throw Object.assign(new Error("it is a folder, a file is needed"), { code: "EISDIR" });
    if (!info.isFile()) throw new Error(`it is ${kindOf(info)}, not a file`);
    if (info.size > maxBytes) throw tooLarge(maxBytes);
    return limited(await readAll(file), maxBytes);
  } finally {
    if (!isTaken) await closeFile(file);
  }
}

const kindOf = (info: Stats): string => (info.isSocket() ? "a socket" : "a device");
const tooLarge = (maxBytes: number): Error => new RangeError(`it has more than ${maxBytes} bytes`);

function limited(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

/** What is in the pipe by now; empty where there is a writer that has written nothing yet. */
async function firstOfPipe(file: number): Promise<Buffer> {
  const target = Buffer.alloc(1 << 16);
  try {
    const { bytesRead } = await readPart(file, target, 0, target.length, null);
    if (bytesRead === 0) throw new Error("it is a named pipe that nothing writes to");
    return target.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return Buffer.alloc(0);
    throw error;
  }
}

/** By the event loop, which waits for data in no thread of its own, and closes the pipe. */
async function restOfPipe(file: number, first: Buffer, maxBytes: number): Promise<Buffer> {
  const chunks = [first];
  let size = first.byteLength;
  for await (const chunk of new Socket({ fd: file, readable: true, writable: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
  }
  return Buffer.concat(chunks);
}
