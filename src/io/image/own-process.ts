/**
 * Settings of libvips and V8 that apply to a whole process. They are for a program that has the process to itself (the
 * command); a library leaves them to its host, whose own use of sharp and memory they would change.
 */
import { setFlagsFromString } from "node:v8";
import { sharp } from "./sharp.js";

/** Loaders of the formats in `ImageFormat`, as libvips names them. */
const LOADERS = ["Png", "Jpeg", "Webp", "Tiff", "Heif", "Nsgif"];

/**
 * How far a heap may grow until all of it is collected, beyond what the last collection has left. The buffers of
 * pictures' files count. By itself V8 takes a tenth and 8 MB for so small a heap, and collects it every eight pages.
 */
const HEAP_GROWTH_PERCENT = 200;

let configured = false;

/**
 * For this process and all its threads. Heaps may grow further between two collections. sharp reads no format but ours,
 * uses one thread for a picture and keeps no finished operations in memory. Call it before the first picture is
 * decoded: it holds for every thread, and a decoder that is at work would find its loader blocked. Decoding does not
 * depend on it: every file's format is recognised by its bytes before libvips sees them.
 */
export function configureOwnProcess(): void {
  if (configured) return;
  configured = true;
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({
    operation: LOADERS.flatMap((name) => [`VipsForeignLoad${name}Buffer`, `VipsForeignLoad${name}File`]),
  });
}
