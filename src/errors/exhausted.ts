/** Tells the errors in which the system gave no further memory or thread, as Node and the libraries below it say so. */
import { isError, systemCode } from "./facts.js";

/** Codes of Node and of the system: a heap is full, a thread cannot be made, memory cannot be had. */
const CODES: ReadonlySet<string | undefined> = new Set([
  "ERR_WORKER_OUT_OF_MEMORY",
  "ERR_WORKER_INIT_FAILED",
  "ERR_MEMORY_ALLOCATION_FAILED",
  "ENOMEM",
]);

/**
 * Texts of the C library and its loader, GLib and libvips. None of them is about a file: decoders that say they are out
 * of memory where a damaged file asks for too much (libtiff, libpng's chunks, libheif's limits) are not among them.
 */
const TEXTS =
  /cannot allocate memory|resource temporarily unavailable|failed to map segment from shared object|cannot create shared object descriptor|cannot allocate symbol search list|cannot allocate .*tls|error creating thread|unable to create thread|creating thread '|out of memory -- size|\bfailed to allocate \d+ bytes|unable to allocate read buffer|insufficient memory \(case \d|array buffer allocation failed|bad_alloc/iu;

/** Of the error, or of what caused it. */
export function isExhausted(error: unknown): boolean {
  for (let one = error, depth = 0; isError(one) && depth < 8; one = one.cause, depth++)
    if (CODES.has(systemCode(one)) || TEXTS.test(one.message)) return true;
  return false;
}

/** What to do about it, wherever it happens. */
export const EXHAUSTED_REMEDY =
  "run with --max-concurrent 1, or allow the process more threads and memory (`ulimit -u`, `ulimit -v`, the limits of its container), and try again";
