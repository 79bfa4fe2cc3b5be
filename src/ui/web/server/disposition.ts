/** The header that says what a browser does with a file and what it is called when it is saved. */
import contentDisposition from "content-disposition";

/** A file name that no system takes for a path, a command or an empty name. */
export function safeName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? "";
  const clean = last.replace(/[\p{Cc}\p{Cf}"*:<>?|]/gu, "_").replace(/^[.\s]+|[.\s]+$/gu, "");
  return clean === "" ? "file" : clean.slice(0, 200);
}

/**
 * `Content-Disposition`. A name that is not ASCII is told in UTF-8 too: of the letters of Latin-1, which a header can
 * hold, browsers outside of such a system lose those with accents.
 */
export function dispositionOf(name: string, type: "inline" | "attachment" = "attachment"): string {
  const safe = safeName(name);
  return contentDisposition(safe, { type, fallback: safe.replace(/[^\u0020-\u007e]/gu, "?") });
}
