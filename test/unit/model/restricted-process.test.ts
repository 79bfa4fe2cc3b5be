// Models in a process that Node restricts: by its permission model, and without code made from text.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { packagePath } from "../../../src/platform/package-files.js";

/** Runs a line of code in a Node with such flags, in a folder of its own; its standard output. */
function restricted(flags: readonly string[], code: string, file: (folder: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "cobra-restricted-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  file(folder);
  const script = join(folder, "script.mjs");
  writeFileSync(script, code);
  const read = [packagePath("."), folder].map((path) => `--allow-fs-read=${path}`);
  const own = flags.includes("--experimental-permission") ? [...flags, ...read] : flags;
  const env = { PATH: process.env["PATH"], HOME: "/nowhere", NODE_NO_WARNINGS: "1" };
  const { stdout, stderr } = spawnSync(process.execPath, [...own, script], { cwd: folder, encoding: "utf8", env });
  return stdout.replaceAll(folder, ".") + stderr;
}

it("a model's folder that is named needs no file of the user's own", () => {
  const code = `import { modelDirectory } from ${JSON.stringify(packagePath("build/modules/model/default-model.js"))};
    console.log(modelDirectory("tiny", { HOME: "/nowhere" }));`;
  const put = (folder: string): void => {
    mkdirSync(join(folder, "tiny"));
    writeFileSync(join(folder, "tiny/manifest.json"), "{}");
  };
  expect(restricted(["--experimental-permission"], code, put)).toBe("./tiny\n");
});

it("a graph is not blamed where Node may not make code", () => {
  const code = `import { readGraph } from ${JSON.stringify(packagePath("build/modules/model/read-graph.js"))};
    try { readGraph("a.onnx"); } catch (error) { console.log(error.code, error.remedy); }`;
  const put = (folder: string): void => writeFileSync(join(folder, "a.onnx"), "");
  expect(restricted(["--disallow-code-generation-from-strings"], code, put)).toBe(
    "ERR_STATE start Node without --disallow-code-generation-from-strings\n",
  );
});
