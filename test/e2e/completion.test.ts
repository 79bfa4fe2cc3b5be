// Completion scripts: sourced in a real bash, whose function is called as the shell does at a press of the tabulator.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";

let root: string;
const has = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-completion-"));
  await writeFolder(root, { "chapter one.cbz": Buffer.of(0), "pages/1.png": Buffer.of(0) });
  for (const shell of ["bash", "zsh", "fish"])
    await writeFile(join(root, `script.${shell}`), (await runCli(["completion", shell])).stdout);
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** What bash offers for a line; the word after the last space is what is being typed. */
function offered(line: string): string[] {
  const words = line.split(" ");
  const script = `source ./script.bash; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _cobra_batch; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", script], { cwd: root, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout
    .split("\n")
    .filter((word) => word !== "")
    .toSorted();
}

describe.runIf(has("bash"))("bash", () => {
  it("offers the commands, and those of a command", () => {
    expect(offered("cobra-batch ")).toEqual(
      expect.arrayContaining(["classify", "colorize", "completion", "config", "doctor", "model"]),
    );
    expect(offered("cobra-batch co")).toEqual(["colorize", "completion", "config"]);
    expect(offered("cobra-batch config ")).toEqual(["check", "explain", "schema"]);
    expect(offered("cobra-batch completion ")).toEqual(["bash", "fish", "zsh"]);
  });

  it("offers the flags of the command that is typed", () => {
    expect(offered("cobra-batch colorize --out")).toEqual(["--output-dir", "--output-zip"]);
    expect(offered("cobra-batch colorize chapter.cbz --seed 3 --ste")).toEqual(["--steps"]);
    expect(offered("cobra-batch classify --st")).toEqual([]);
    expect(offered("cobra-batch config explain --top")).toEqual(["--top-k"]);
  });

  it("offers a flag's choices, quoted where a space is in them", () => {
    expect(offered("cobra-batch colorize --style ")).toEqual(["line", "line\\ +\\ shadow"]);
    expect(offered("cobra-batch colorize --provider c")).toEqual(["cpu", "cuda"]);
    expect(offered("cobra-batch colorize --steps ")).toEqual([]);
  });

  it("offers folders where a folder is wanted and files where a file is", () => {
    expect(offered("cobra-batch colorize --input-dir ")).toEqual(["pages"]);
    expect(offered("cobra-batch colorize --input-zip ch")).toEqual(["chapter one.cbz"]);
    expect(offered("cobra-batch colorize ch")).toEqual(["chapter one.cbz"]);
  });
});

describe.each(["zsh", "fish"])("%s", (shell) => {
  it.runIf(has(shell))("reads the script without a fault", () => {
    expect(spawnSync(shell, ["-n", join(root, `script.${shell}`)], { encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });
});

it("refuses a shell it does not know, with exit code 64", async () => {
  expect(await runCli(["completion", "tcsh"])).toMatchObject({ code: 64, stdout: "" });
});
