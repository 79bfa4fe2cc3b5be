/** Checks of what a program gives to a sink. Each throws `ERR_ARGUMENT`. */
import { types } from "node:util";
import { checkArgument, checkMethods, checkObject, checkText, checkWhole } from "../errors/arguments.js";
import type { SourceEntry } from "./page-source.js";

/** Checks a result before it is written. */
export function checkResult(name: unknown, bytes: unknown): void {
  checkText("the name", name);
  checkArgument(types.isUint8Array(bytes), `the bytes of ${name}`, bytes, "a Uint8Array or Buffer");
}

/** Checks a file of an input before it is copied, and what it replaces. */
export function checkCarried(entry: SourceEntry, replaces?: unknown): void {
  checkMethods("the entry", entry, ["read"]);
  checkText("the entry's name", entry.name);
  checkWhole("the entry's sizeBytes", entry.sizeBytes);
  if (replaces !== undefined) checkText("the replaced name", replaces);
}

/** Checks what `finish` is given. */
export function checkMetadata(metadata: unknown): void {
  if (metadata !== undefined) checkObject("the metadata", metadata);
}
