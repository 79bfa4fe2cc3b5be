// What people at the page are told: remedies that fit them, no folders of the server.
import { describe, expect, it } from "vitest";
import { ERROR_TABLE, type ErrorCode } from "../../../../src/errors.js";
import { PathHider } from "../../../../src/ui/web/jobs/hide-paths.js";
import { webRemedy } from "../../../../src/ui/web/jobs/remedies.js";

/** Words of the command: flags, subcommands, its outputs and files of settings. */
const OF_THE_COMMAND = /--[a-z]|cobra-batch [a-z]|same command|another output|maxQueued|configuration|COBRA_|docs\//u;

describe("remedies", () => {
  it("of every error fit somebody who has no terminal", () => {
    for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
      expect(webRemedy(code), code).toMatch(/^\S.+[^.]$/u);
      expect(webRemedy(code), code).not.toMatch(OF_THE_COMMAND);
    }
  });
});

describe("places", () => {
  const hider = new PathHider([["/media/books", "books"]], "/srv/cobra data");
  const job = "/srv/cobra data/jobs/0abc123def456789xyz";

  it.each([
    [`cannot decode ${job}/input/a b/p 1.png: cut off`, "cannot decode a b/p 1.png: cut off"],
    [`${job}/input holds no picture`, "the chapter holds no picture"],
    [`${job}/input.cbz is no ZIP`, "the chapter is no ZIP"],
    [`cannot read ${job}/references/r.jpg`, "cannot read r.jpg"],
    [`the picture of hints ${job}/hints/0123456789abcdef.png has no stroke`, "the painted hints has no stroke"],
    [`${job}/page-references/0a1b/r.jpg is damaged`, "r.jpg is damaged"],
    [`cannot write ${job}/output.cbz.cobra-batch/pictures/p1.png: full`, "cannot write p1.png: full"],
    [`cannot write ${job}/output/x/p1.png: full`, "cannot write x/p1.png: full"],
    [`cannot write ${job}/output.cbz: full`, "cannot write the results: full"],
    [`cannot write ${job}/job.json: full`, "cannot write the chapter's record: full"],
    [`cannot make the folder ${job}: gone`, "cannot make the folder the chapter's folder: gone"],
    ["/srv/cobra data/uploads/0123456789abcdef0123456789abcdef is gone", "the upload is gone"],
    ["the jobs in /srv/cobra data", "the jobs in the server's data folder"],
    ["/media/books/ch 1/a.png is gone", "books/ch 1/a.png is gone"],
  ])("%s", (message, told) => {
    expect(hider.hide(message)).toBe(told);
  });
});
