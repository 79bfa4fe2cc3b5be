/** Paths are compared by where they lead to. */
import { spawnSync } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isSameFolder, liesWithin, realPathOf } from "../../../../src/io/files/real-path.js";
import { temporaryFolder } from "../image/pictures.js";

it("links are followed, and what is not there yet stands where it would be made", async () => {
  const folder = await realPathOf(await temporaryFolder());
  await mkdir(join(folder, "in/sub"), { recursive: true });
  await symlink(join(folder, "in"), join(folder, "link"));
  await symlink(join(folder, "loop"), join(folder, "loop"));
  expect(await realPathOf(join(folder, "link/sub/new/out"))).toBe(join(folder, "in/sub/new/out"));
  expect(await realPathOf(join(folder, "loop"))).toBe(join(folder, "loop"));
  expect(await realPathOf("/")).toBe("/");
  const within = (path: string, of: string): Promise<boolean> => liesWithin(join(folder, path), join(folder, of));
  expect(await Promise.all([within("link/out", "in"), within("in/out", "link"), within("in", "link")])).toEqual([
    true,
    true,
    true,
  ]);
  expect(await Promise.all([within("in2", "in"), within("in", "link/sub"), within("..in", "in")])).toEqual([
    false,
    false,
    false,
  ]);
  await mkdir(join(folder, "in/..dots"));
  expect(await within("in/..dots", "link")).toBe(true);
});

it("a bind mount is the folder that it shows", async ({ skip }) => {
  const folder = await temporaryFolder();
  const [real, shown] = [join(folder, "real"), join(folder, "shown")];
  await mkdir(join(real, "sub"), { recursive: true });
  await mkdir(shown);
  if (spawnSync("mount", ["--bind", real, shown]).status !== 0) skip("this user may not mount");
  try {
    expect(await isSameFolder(shown, real)).toBe(true);
    expect(await isSameFolder(join(shown, "sub"), real)).toBe(false);
    expect(await liesWithin(join(shown, "sub/new/out"), real)).toBe(true);
    expect(await liesWithin(join(real, "sub"), shown)).toBe(true);
    expect(await liesWithin(folder, real)).toBe(false);
  } finally {
    spawnSync("umount", [shown]);
  }
});
