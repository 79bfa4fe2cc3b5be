/** Detects what a file of an input is, by its first bytes; its name counts only if these say nothing. */
import type { ImageProcessingError } from "../errors.js";
import { noticeOf } from "../errors/notice.js";
import { printableName } from "./names/safe-name.js";
import { sniffFormat, unreadableFile, type ImageFormat, type SniffedFormat } from "./image/headers/image-format.js";
import type { SourceNotice } from "./page-source.js";
import { isAppleDouble, promisesPicture, kindOfName, type EntryKind } from "./names/entry-rules.js";

/** A file of an input before anybody has looked at it. */
export interface UnknownFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** What a file is: junk that is left out, a valid picture that is not read, or an entry of this kind. */
export type ContentKind =
  | { readonly junk: true }
  | { readonly unsupported: ImageProcessingError }
  | {
      readonly kind: EntryKind;
      readonly format: ImageFormat | undefined;
      /** What people should know though it is copied unchanged: it may hold pages. */
      readonly warning?: SourceNotice | undefined;
    };

/** @param head the first bytes (`SNIFF_BYTES`, fewer where there are none); undefined where they cannot be read */
export function contentKind({ name, sizeBytes }: UnknownFile, head: Uint8Array | undefined): ContentKind {
  const promised = kindOfName(name);
  if (head === undefined) return { kind: promised, format: undefined };
  if (isAppleDouble(head)) return { junk: true };
  const sniffed = sniffFormat(head, { name, sizeBytes });
  const { format, isPicture } = sniffed;
  if (format !== undefined && format !== "zip") return { kind: "image", format };
  if (isPicture && promised === "other") return { unsupported: unreadableFile(name, sniffed) };
  if (promised === "image") return { kind: promised, format: undefined };
  return { kind: promised, format: undefined, warning: copiedUnseen(name, sniffed) };
}

/**
 * Said of a file that is copied and may hold pages: an archive or document that is not opened, whatever its name, and a
 * file that only its name calls a picture.
 */
function copiedUnseen(name: string, sniffed: SniffedFormat): SourceNotice | undefined {
  const { format, description, remedy, mayHoldPages } = sniffed;
  const label = printableName(name);
  if (format === "zip" || mayHoldPages === true) {
    const message = `${label} is copied as it is, pages in it are not coloured: it is ${description}`;
    return { ...noticeOf(message, format === "zip" ? "give it as an input of its own" : remedy), copied: name };
  }
  if (!promisesPicture(name)) return undefined;
  const message = `${label} is copied as it is, not coloured: its name promises a picture, but it is ${description}`;
  return { ...noticeOf(message, remedy), copied: name };
}
