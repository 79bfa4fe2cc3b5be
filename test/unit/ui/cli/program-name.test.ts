/** Commands in messages start with the words that started the program, so that they run as they stand. */
import { describe, expect, it } from "vitest";
import { asStarted, programName } from "../../../../src/ui/cli/output/program-name.js";

describe("programName", () => {
  it.each([
    ["a link on the path", "/usr/bin/cobra-batch", "/usr/bin:/bin", "cobra-batch"],
    [
      "a project's own, as npx runs it",
      "/home/a/node_modules/.bin/cobra-batch",
      "/home/a/node_modules/.bin",
      "npx cobra-batch",
    ],
    ["the script below the current folder", "/home/a/dist/ui/cli/main.js", "/bin", "node dist/ui/cli/main.js"],
    ["the script elsewhere", "/opt/my tools/main.js", "/bin", "node '/opt/my tools/main.js'"],
    ["a link that is not on the path", "/home/a/cobra-batch", "/bin", "./cobra-batch"],
    ["a link elsewhere that is not on the path", "/opt/cobra-batch", "/bin:", "/opt/cobra-batch"],
  ])("of %s", (_what, script, path, expected) => {
    expect(programName({ script, env: { PATH: path }, folder: "/home/a" })).toBe(expected);
  });
});

it("is the launcher where one started the script", () => {
  const script = "/opt/cobra/app/dist/ui/cli/main.js";
  const env = { PATH: "/bin:/opt/bin", COBRA_LAUNCHER: "/opt/cobra/cobra-batch" };
  expect(programName({ script, env, folder: "/home/a" })).toBe("/opt/cobra/cobra-batch");
  expect(programName({ script, env, folder: "/opt" })).toBe("cobra/cobra-batch");
  expect(programName({ script, env: { ...env, PATH: "/opt/cobra" }, folder: "/home/a" })).toBe("cobra-batch");
});

describe("asStarted", () => {
  it("changes commands, and no other mention of the name", () => {
    expect(asStarted("run `cobra-batch reject out` or cobra-batch --help", "npx cobra-batch")).toBe(
      "run `npx cobra-batch reject out` or npx cobra-batch --help",
    );
    for (const text of ["cobra-batch 0.1.0", "cobra-batch needs", "a/cobra-batch redo", "cobra-batch redoes"])
      expect(asStarted(text, "npx cobra-batch")).toBe(text);
  });
});
