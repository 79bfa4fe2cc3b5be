// Outputs that cannot be made: the error names the path, the rule and the remedy, and nothing is left behind.
import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runBatch } from "../../../../src/core/run-batch.js";
import { colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { paperEngine } from "../../../support/paper-engine.js";

let root: string;
const at = (name: string): string => (name.startsWith("/") ? name : join(root, name));

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-impossible-"));
  await writeFolder(at("in"), { "001.png": await linePage(1) });
  await writeFolder(at("refs"), { "r.jpg": await colourPage(1) });
  await writeFile(at("file"), "");
  await symlink("nowhere/at/all", at("dangling"));
  if (process.platform === "win32") return;
  execFileSync("mkfifo", [at("pipe")]);
  await symlink("/dev/null", at("to-null"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const isFile = [/cannot write .*a part of the path is a file, not a folder$/, "choose another output"] as const;
const isNoPlace = [
  /cannot make the folder .*the file system does not allow folders there$/,
  "choose another output",
] as const;
const inTheWay = [
  /cannot write .*a file or a broken link is in the way$/,
  "choose another output or remove it",
] as const;

const isDevice = [/cannot write .*it is a device, a pipe or a socket, and no file$/, "choose another name"] as const;

type Case = [key: "outputDir" | "outputZip", path: string, says: readonly [message: RegExp, remedy: string]];
const OUTPUTS: Case[] = [
  ["outputDir", "file/out", isFile],
  ["outputZip", "file/x.cbz", isFile],
  ["outputDir", "file", inTheWay],
  ["outputDir", "dangling", inTheWay],
  ["outputDir", "dangling/x", isNoPlace],
  ["outputZip", "dangling/x.cbz", isNoPlace],
  ...(process.platform === "win32"
    ? []
    : ([
        ["outputZip", "pipe", isDevice],
        ["outputZip", "to-null", isDevice],
      ] satisfies Case[])),
  ...(process.platform === "linux"
    ? ([
        ["outputDir", "/proc/nope/x", isNoPlace],
        ["outputZip", "/proc/nope/x.cbz", isNoPlace],
      ] satisfies Case[])
    : []),
];

it.each(OUTPUTS)("%s %s names the path, the rule and the remedy", async (key, path, [text, remedy]) => {
  const before = await readdir(root);
  const settings = { inputDir: at("in"), referenceImages: [at("refs")], [key]: at(path) };
  const engine = paperEngine();
  const error = (await runBatch(engine, settings).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: "ERR_OUTPUT_WRITE", message: expect.stringMatching(text) as string, remedy });
  expect(error.message).toContain(at(path));
  expect(engine.requests).toEqual([]);
  expect(await readdir(root)).toEqual(before);
});
