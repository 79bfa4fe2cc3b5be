/**
 * Which files of an input count: what is skipped, and what a name promises (picture, archive, other). Content decides
 * later.
 */

const SKIPPED_PARTS = new Set(["__macosx", ".ds_store", "thumbs.db", "desktop.ini"]);
const IMAGE_EXTENSIONS = new Set([".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".avif", ".gif"]);
const ARCHIVE_EXTENSIONS = new Set([".zip", ".cbz"]);

/** What a name promises. `other` is carried along to an output archive unread. */
export type EntryKind = "image" | "other";

/** The extension with its dot in lower case, empty when there is none. */
export function extensionOf(name: string): string {
  const base = name.slice(name.lastIndexOf("/") + 1);
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(dot).toLowerCase() : "";
}

/** True for files that systems leave behind and for dot-files: any part of the path decides. */
export function isSkipped(name: string): boolean {
  return name.split("/").some((part) => part.startsWith(".") || SKIPPED_PARTS.has(part.toLowerCase()));
}

export function kindOfName(name: string): EntryKind {
  return IMAGE_EXTENSIONS.has(extensionOf(name)) ? "image" : "other";
}

export function isArchiveName(name: string): boolean {
  return ARCHIVE_EXTENSIONS.has(extensionOf(name));
}
