/** The formats that are written, and their file extensions. Pure functions over names. */
import type { OutputFormat } from "../../../config/batch-config.js";
import type { ImageFormat } from "../headers/image-format.js";
import { extensionOf } from "../../names/entry-rules.js";

/** A picture format, or that of a layered document. */
export type WrittenFormat = OutputFormat | "psd";

const EXTENSIONS: Readonly<Record<WrittenFormat, readonly string[]>> = {
  png: [".png"],
  jpeg: [".jpg", ".jpeg", ".jpe", ".jfif"],
  webp: [".webp"],
  tiff: [".tif", ".tiff"],
  avif: [".avif"],
  psd: [".psd"],
};

const FORMATS = new Map(
  Object.entries(EXTENSIONS).flatMap(([format, extensions]) =>
    extensions.map((extension) => [extension, format as WrittenFormat]),
  ),
);

/** The format that a name's extension promises; undefined for one that is not written (GIF, none, anything else). */
export function formatOfName(name: string): WrittenFormat | undefined {
  return FORMATS.get(extensionOf(name));
}

/**
 * The extension of a page's result: the page's own where it is of the wanted format (without one, of any format that is
 * written), as the page spells it; otherwise the format's first. Without a wanted format that is the content's, PNG
 * for what is not written.
 */
export function outputExtension(name: string, format?: WrittenFormat, content?: ImageFormat): string {
  const own = formatOfName(name);
  if (own !== undefined && (format === undefined || own === format))
    return name.slice(name.length - extensionOf(name).length);
  const ofContent = content === "gif" || extensionOf(name) === ".gif" ? undefined : content;
  return EXTENSIONS[format ?? ofContent ?? "png"][0]!;
}
