/** Turns the operating system's errors into errors of the engine: what they mean, and what to do about them. */
import {
  BatchProcessingError,
  messageOf,
  ResourceError,
  systemCode,
  ValidationError,
  type ErrorCode,
} from "../../errors.js";

/** What a system error means, and what to do about it. */
type Fault = readonly [meaning: string, remedy?: string];

const TOO_MANY_OPEN: Fault = ["too many open files", "raise the limit with `ulimit -n`"];
const UNREADABLE: Fault = ["permission denied", "make it readable for this user"];

const READ_FAULTS: Readonly<Record<string, Fault>> = {
  ENOENT: ["there is no such file or folder", "check the path"],
  ENOTDIR: ["a part of the path is a file, not a folder", "check the path"],
  EACCES: UNREADABLE,
  EPERM: UNREADABLE,
  EMFILE: TOO_MANY_OPEN,
  ELOOP: ["the link points at itself", "remove it"],
  EISDIR: ["it is a folder, a file is needed"],
};

const WRITE_FAULTS: Readonly<Record<string, Fault>> = {
  ENOSPC: ["the disk is full", "free some space and run again"],
  EDQUOT: ["the disk quota is used up", "free some space and run again"],
  EACCES: ["permission denied", "make the folder writable for this user or choose another output"],
  ENODEV: ["the disk is gone", "check that it is still mounted"],
  ESTALE: ["the network folder is gone", "check that it is still mounted"],
  EIO: ["the disk reports an error", "check it, and choose another output if it stays"],
  ENFILE: ["the system has too many open files", "end other programs or raise fs.file-max"],
  EPERM: ["the operation is not permitted", "choose another output folder"],
  EROFS: ["the file system is read-only", "choose another output folder"],
  ENOENT: ["the folder has vanished", "check that the disk is still mounted"],
  ENOTDIR: ["a part of the path is a file, not a folder", "choose another output"],
  EISDIR: ["a folder is in the way", "choose another name or remove it"],
  EEXIST: ["a file or a broken link is in the way", "choose another output or remove it"],
  EILSEQ: ["the file system does not take this name", "rename the file"],
  ENAMETOOLONG: ["the name is too long for this file system", "shorten it"],
  EMFILE: TOO_MANY_OPEN,
  EFBIG: ["the file is too big for this file system", "choose another disk"],
};

/** Failures to write that are of one file's name: other files can be written. */
const OF_NAME = new Set(["ENAMETOOLONG", "ENOTDIR", "EISDIR", "EEXIST", "EINVAL", "EILSEQ"]);
/** What an entry of an input can be at fault by. */
const OF_ENTRY = new Set<ErrorCode>(["ERR_ZIP_ENTRY", "ERR_ZIP_LIMIT", "ERR_INPUT_NOT_FOUND", "ERR_IMAGE_LIMIT"]);

/** Whether reading or writing failed for one file alone, so that all others can still be done. */
export function isFaultOfFile(error: unknown): error is BatchProcessingError {
  if (!(error instanceof BatchProcessingError)) return false;
  if (error.code === "ERR_OUTPUT_WRITE") return OF_NAME.has(systemCode(error.cause) ?? "");
  return OF_ENTRY.has(error.code) || error instanceof ValidationError;
}

/** `ERR_INPUT_NOT_FOUND` for a path that cannot be read. */
export function inputError(path: string, cause: unknown): ValidationError {
  const [meaning, remedy] = faultOf(READ_FAULTS, cause);
  return new ValidationError("ERR_INPUT_NOT_FOUND", `cannot read ${path}: ${meaning}`, { cause, remedy });
}

/** `ERR_OUTPUT_WRITE` for a path that cannot be written. */
export function outputError(path: string, cause: unknown): ResourceError {
  const [meaning, remedy] = faultOf(WRITE_FAULTS, cause);
  return new ResourceError("ERR_OUTPUT_WRITE", `cannot write ${path}: ${meaning}`, { cause, remedy });
}

function faultOf(faults: Readonly<Record<string, Fault>>, cause: unknown): Fault {
  return faults[systemCode(cause) ?? ""] ?? [messageOf(cause)];
}
