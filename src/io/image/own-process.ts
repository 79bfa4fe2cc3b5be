/**
 * Settings of libvips that apply to a whole process. They are for a program that has the process to itself (the
 * command); a library leaves them to its host, whose own use of sharp they would change.
 */
import { sharp } from "./sharp.js";

/** Loaders of the formats in `ImageFormat`, as libvips names them. */
const LOADERS = ["Png", "Jpeg", "Webp", "Tiff", "Heif", "Nsgif"];

let configured = false;

/**
 * Blocks the loaders of all formats that are not read, uses one thread for a picture and keeps no finished operations
 * in memory. Call it before the first picture is decoded: it holds for every thread, and a decoder that is at work
 * would find its loader blocked. Decoding does not depend on it: every file's format is recognised by its bytes before
 * libvips sees them.
 */
export function configureSharpForOwnProcess(): void {
  if (configured) return;
  configured = true;
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({
    operation: LOADERS.flatMap((name) => [`VipsForeignLoad${name}Buffer`, `VipsForeignLoad${name}File`]),
  });
}
