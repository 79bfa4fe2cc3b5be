/** Knows what libvips says where the system gives no further memory or thread: no picture is to blame for that. */
import { isOutOfMemory, messageOf, ResourceError } from "../../errors.js";
import { EXHAUSTED_REMEDY, isExhausted } from "../../errors/exhausted.js";

/** Encoders are given sound pixels, so whatever they say of memory is true. */
const ENCODER_TEXTS = /\bmemory\b|\balloc/iu;

/**
 * The error of a picture that could not be worked on for want of memory or threads; undefined for any other.
 * @param what could not be done, such as `1.png cannot be decoded`
 * @param part that of libvips which failed
 */
export function memoryError(error: unknown, what: string, part: "decoder" | "encoder" = "decoder"): Error | undefined {
  if (error instanceof ResourceError && isOutOfMemory(error)) return error;
  if (!isExhausted(error) && (part === "decoder" || !ENCODER_TEXTS.test(messageOf(error)))) return undefined;
  return new ResourceError(
    "ERR_OUT_OF_MEMORY",
    `${what}: the system gives no further thread or memory (${messageOf(error).trim().split("\n", 1)[0]!})`,
    { cause: error, remedy: EXHAUSTED_REMEDY },
  );
}
