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

/**
 * A name as unpackers read it: `\` parts folders as `/` does; a drive letter, slashes in front, `.` and empty parts are
 * dropped. A trailing slash, which makes it a folder, stays.
 */
export function normalizeEntryName(given: string): string {
  const name = given.replaceAll("\\", "/").replace(/^(?:\/*[a-z]:)+/iu, "");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.join("/") + (name.endsWith("/") && parts.length > 0 ? "/" : "");
}

// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/gu;

/** A name fit for a message: control characters shown as escapes, at most 200 characters. */
export function printableName(name: string): string {
  const text = name.replace(CONTROL, (char) => `\\x${char.codePointAt(0)!.toString(16).padStart(2, "0")}`);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
