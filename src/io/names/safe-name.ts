/** Relative paths from archives and browsers: as unpackers read them, and why one must not be used. */

/** The longest relative name; a path of the system holds 4,096 bytes, the output's folder among them. */
const MAX_NAME_BYTES = 2048;
const MAX_NAME_PARTS = 100;

/** Why a name must not be used as a relative path; undefined when it is safe. */
export function nameFault(name: string): string | undefined {
  if (name === "") return "its name is empty";
  if (name.includes("\\")) return "its name has a backslash";
  if (name.startsWith("/")) return "its name is absolute";
  if (/^[a-z]:/iu.test(name)) return "its name has a drive letter";
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/u.test(name)) return "its name has control characters";
  const parts = name.split("/");
  if (parts.includes("..")) return "its name leads out of the folder (..)";
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `its name is longer than ${MAX_NAME_BYTES} bytes`;
  if (parts.length > MAX_NAME_PARTS) return `its name has more than ${MAX_NAME_PARTS} folders`;
  return undefined;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const NOT_PRINTED = /[\u0001-\u001f\u007f]/gu;

/**
 * A name as unpackers read it: `\` parts folders as `/` does; a drive letter, slashes in front, `.` and empty parts are
 * dropped; `..` takes back the folder before it, and stays where there is none, for `nameFault` to refuse. A control
 * character becomes `_`, except NUL, where some readers end a name. A trailing slash, which makes it a folder, stays.
 */
export function normalizeEntryName(given: string): string {
  const name = given
    .replaceAll("\\", "/")
    .replace(/^(?:\/*[a-z]:)+/iu, "")
    .replace(NOT_PRINTED, "_");
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/") + (name.endsWith("/") && parts.length > 0 ? "/" : "");
}

// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/gu;

/** A name fit for a message: control characters shown as escapes, at most 200 characters. */
export function printableName(name: string): string {
  const text = name.replace(CONTROL, (char) => `\\x${char.codePointAt(0)!.toString(16).padStart(2, "0")}`);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
