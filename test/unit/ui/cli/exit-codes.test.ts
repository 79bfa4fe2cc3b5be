/** Which error ends the command with which code. */
import { describe, expect, it } from "vitest";
import {
  BatchProcessingError,
  ConfigurationError,
  InferenceError,
  ModelError,
  ResourceError,
  type ErrorCode,
} from "../../../../src/errors.js";
import { outputError } from "../../../../src/io/files/file-errors.js";
import { EXIT, exitCodeFor } from "../../../../src/ui/cli/output/exit-codes.js";

const failing = (code: string): Error => Object.assign(new Error(code), { code });

describe("exit codes", () => {
  it("are those of docs/cli.md", () => {
    expect(EXIT).toEqual({
      done: 0,
      fatal: 1,
      somePagesFailed: 2,
      previewWaits: 3,
      usage: 64,
      tryAgain: 75,
      hungUp: 129,
      interrupted: 130,
      terminated: 143,
    });
  });

  it.each([
    ["wrong settings", new ConfigurationError("ERR_CONFIG", "x"), 64],
    ["memory that ran out", new ResourceError("ERR_OUT_OF_MEMORY", "x"), 75],
    ["a lost device", new InferenceError("ERR_DEVICE_LOST", "x"), 75],
    ["an output that another run holds", new ResourceError("ERR_OUTPUT_LOCKED", "x"), 75],
    ["a full disk", outputError("out", failing("ENOSPC")), 75],
    ["too many open files", outputError("out", failing("EMFILE")), 75],
    ["a folder that may not be written", outputError("out", failing("EACCES")), 75],
    ["a read-only file system", outputError("out", failing("EROFS")), 75],
    ["a file in the way", outputError("out", failing("EEXIST")), 1],
    ["a name that is too long", outputError("out", failing("ENAMETOOLONG")), 1],
    ["an argument that breaks a rule", new BatchProcessingError("ERR_ARGUMENT", "x"), 64],
    ["a damaged model", new ModelError("ERR_MODEL_FILE", "x"), 1],
    ["no references", new ConfigurationError("ERR_NO_REFERENCES", "x"), 1],
    ["a bug", new BatchProcessingError("ERR_INTERNAL" satisfies ErrorCode, "x"), 1],
    ["something foreign", new TypeError("x"), 1],
  ])("%s", (_what, error, code) => {
    expect(exitCodeFor(error)).toBe(code);
  });
});
