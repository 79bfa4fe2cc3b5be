/** A chapter's failure in the queue keeps its reason and its remedy apart. */
import { UnrecoverableError } from "bullmq";
import { expect, it } from "vitest";
import { ResourceError } from "../../../src/errors.js";
import { finalFailure, jobError, parseFailure } from "../../../src/farm/queue/job-failure.js";

it("gives back reason and remedy, over several lines too", () => {
  const failure = finalFailure({ reason: "2 of 5 pages failed:\na\nremedy: none", remedy: "run it again" });
  expect(failure).toBeInstanceOf(UnrecoverableError);
  expect(parseFailure(failure.message, "job")).toEqual({
    reason: "2 of 5 pages failed:\na\nremedy: none",
    remedy: "run it again",
  });
  expect(jobError(failure)).toBe(failure);
});

it("has an error's message, code and remedy", () => {
  const error = new ResourceError("ERR_OUTPUT_WRITE", "the disk is full", { remedy: "free some space" });
  expect(parseFailure(jobError(error).message, "job")).toEqual({
    reason: "the disk is full [ERR_OUTPUT_WRITE]",
    remedy: "free some space",
  });
});

it("says what always helps where the queue itself, or another program, has failed the job", () => {
  for (const text of ["job stalled more than allowable limit", jobError(new TypeError("x")).message])
    expect(parseFailure(text, "0123")).toEqual({
      reason: text,
      remedy: "submit it again with `cobra-batch queue retry 0123`",
    });
});
