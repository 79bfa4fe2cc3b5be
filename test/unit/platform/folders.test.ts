/** Folders are made, or the system's reason is told; nothing waits for ever. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeFolders, makeFoldersNow } from "../../../src/platform/folders.js";
import { temporaryFolder } from "../io/image/pictures.js";

const WAYS: readonly (readonly [string, (path: string) => Promise<void>])[] = [
  ["makeFolders", (path) => makeFolders(path)],
  ["makeFoldersNow", async (path) => makeFoldersNow(path)],
];

describe.each(WAYS)("%s", (_name, make) => {
  it("makes what is missing and takes what is there", async () => {
    const folder = await temporaryFolder();
    await make(join(folder, "a/b/c"));
    await make(join(folder, "a/b/c"));
    await Promise.all([1, 2, 3, 4].map(() => make(join(folder, "x/y/z"))));
    expect((await stat(join(folder, "a/b/c"))).isDirectory() && existsSync(join(folder, "x/y/z"))).toBe(true);
  });

  it("says which reason a folder above has", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await expect(make(join(folder, "file"))).rejects.toMatchObject({ code: "EEXIST" });
    await expect(make(join(folder, "file/a/b"))).rejects.toMatchObject({ code: "ENOTDIR" });
    if (process.platform === "linux") await expect(make("/proc/nope/a/b")).rejects.toMatchObject({ code: "ENOENT" });
  });
});

it("no file of src/ asks Node for folders above, which asks for ever below /proc", async () => {
  const listed = spawnSync("grep", ["-rlE", "mkdir(Sync)?\\([^;]*recursive", "src"], { encoding: "utf8" });
  const files = await Promise.all(
    listed.stdout
      .split("\n")
      .filter((file) => file !== "")
      .map(async (file) => [file, /mkdir(?:Sync)?\([^;]*recursive: true/u.test(await readFile(file, "utf8"))] as const),
  );
  expect(files.filter(([, asks]) => asks).map(([file]) => file)).toEqual([]);
});
