/** Reads small files that a person names: configuration, lists, reports. Nothing is waited for that may never come. */
import { close, constants, fstat, open, read, readFile, type Stats } from "node:fs";
import { Socket } from "node:net";
import { addAbortSignal, type Readable } from "node:stream";
import { promisify } from "node:util";

// Descriptors, since a pipe's must be handed on to a socket.
const [openFile, closeFile, statFile] = [promisify(open), promisify(close), promisify(fstat)];
const [readPart, readAll] = [promisify(read), promisify(readFile)];

/** More than any of them has. */
const MOST_BYTES = 64 * 2 ** 20;
/** Names of the standard input. Where that is a socket, as between programs of Node.js, it cannot be opened by name. */
const STANDARD_INPUT: ReadonlySet<string> = new Set(["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]);
/** Without it, opening a pipe waits for a writer, and nothing ends that but SIGKILL. Windows has no such flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * A file whole, or what a pipe gives until its writers close it: `<(command)` of a shell is one. Rejects with the
 * system's error, or with an `Error` that says what is there instead: a pipe without a writer, a device, too large a
 * file.
 * @param options.signal gives up waiting for a pipe; its reason is the rejection
 */
export async function readNamedFile(path: string, options: ReadOptions = {}): Promise<Buffer> {
  const { maxBytes = MOST_BYTES } = options;
  const file = await openFile(path, FLAGS).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENXIO" && STANDARD_INPUT.has(path)) return undefined;
    throw error;
  });
  if (file === undefined) return readStream(process.stdin, options);
  let isTaken = false;
  try {
    const info = await statFile(file);
    if (info.isFIFO()) {
      const first = await firstOfPipe(file);
      isTaken = true;
      // By the event loop, which waits for data in no thread of its own, and closes the pipe.
      return await readStream(new Socket({ fd: file, readable: true, writable: false }), options, [first]);
    }
    if (info.isDirectory()) throw Object.assign(new Error("it is a folder, a file is needed"), { code: "EISDIR" });
    if (!info.isFile()) throw new Error(`it is ${kindOf(info)}, not a file`);
    if (info.size > maxBytes) throw tooLarge(maxBytes);
    return limited(await readAll(file), maxBytes);
  } finally {
    if (!isTaken) await closeFile(file);
  }
}

interface ReadOptions {
  /** Default: 64 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
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
    if (bytesRead === 0) throw new Error("it is an empty pipe that nothing writes to");
    return target.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return Buffer.alloc(0);
    throw error;
  }
}

/** All that a stream gives. Rejects as `readNamedFile`. */
export async function readStream(
  stream: Readable,
  { maxBytes = MOST_BYTES, signal }: ReadOptions = {},
  before: readonly Buffer[] = [],
): Promise<Buffer> {
  const chunks = [...before];
  let size = before.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (signal !== undefined) addAbortSignal(signal, stream);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
    }
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
  return Buffer.concat(chunks);
}
