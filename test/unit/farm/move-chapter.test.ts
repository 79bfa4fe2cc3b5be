// A chapter leaves the hot folder whole, to another disk too; what came or changed meanwhile stays.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readyChapters, type ReadyChapter } from "../../../src/farm/watch/hot-folder.js";
import { completeMoves, moveChapter } from "../../../src/farm/watch/move-chapter.js";
import { canMount } from "../../support/mounts.js";
import { hasOtherDisk, otherDisk } from "../../support/other-disk.js";

let root: string;
const at = (...names: string[]): string => join(root, ...names);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-move-"));
  await mkdir(at("in", "ch", "sub"), { recursive: true });
  await writeFile(at("in", "ch", "1.png"), "one", { mode: 0o640 });
  await writeFile(at("in", "ch", "sub", "2.png"), "two");
  await symlink("../1.png", at("in", "ch", "sub", "link"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function handedOut(): Promise<ReadyChapter> {
  const { signal } = new AbortController();
  const chapters = readyChapters({ folder: at("in"), everyMs: 1, quietMs: 0, signal });
  const { value } = await chapters.next();
  return value as ReadyChapter;
}

/** A chapter that something is done to once it was looked at for the n-th time. */
function thenDone(chapter: ReadyChapter, n: number, change: () => Promise<unknown>): ReadyChapter {
  let looks = 0;
  return {
    ...chapter,
    look: async (movedTo) => {
      const state = await chapter.look(movedTo);
      if (++looks === n) await change();
      return state;
    },
  };
}

const filesOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((one) => !one.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .toSorted();
const WHOLE = ["1.png", "sub/2.png", "sub/link"];

describe("on one disk", () => {
  it("takes the first free name, over no link that leads nowhere and no empty folder", async () => {
    await mkdir(at("done", "ch"), { recursive: true });
    await symlink("nowhere", at("done", "ch_1"));
    const chapter = await handedOut();
    expect(await moveChapter(chapter, at("done"))).toEqual({ target: at("done", "ch_2") });
    expect(await filesOf(at("done", "ch_2"))).toEqual(WHOLE);
    expect(await readlink(at("done", "ch_1"))).toBe("nowhere");
    expect(await readdir(at("in"))).toEqual([]);
  });

  it("keeps the number that its results have, and a folder's name whole", async () => {
    await mkdir(at("in", "Vol. 1"));
    await writeFile(at("in", "Vol. 1", "1.png"), "x");
    await rm(at("in", "ch"), { recursive: true });
    expect(await moveChapter(await handedOut(), at("done"), 1)).toEqual({ target: at("done", "Vol. 1_1") });
  });

  it("puts back what has changed before it was moved", async () => {
    const chapter = await handedOut();
    await writeFile(at("in", "ch", "3.png"), "three");
    expect(await moveChapter(chapter, at("done"))).toEqual({ changed: at("in", "ch") });
    expect(await filesOf(at("in", "ch"))).toEqual(["1.png", "3.png", "sub/2.png", "sub/link"]);
    expect(await readdir(at("done"))).toEqual([]);
  });
});

describe.skipIf(!hasOtherDisk())("to another disk", () => {
  let done: string;
  beforeEach(() => (done = otherDisk()));
  afterEach(() => rm(done, { recursive: true, force: true }));

  it("copies files with times and permissions, links as links, and removes the originals", async () => {
    await utimes(at("in", "ch", "1.png"), 1_000, 2_000);
    expect(await moveChapter(await handedOut(), done)).toEqual({ target: join(done, "ch") });
    expect(await filesOf(join(done, "ch"))).toEqual(WHOLE);
    const { mode, mtimeMs } = await stat(join(done, "ch", "1.png"));
    expect([mode & 0o777, mtimeMs]).toEqual([0o640, 2_000_000]);
    expect(await readlink(join(done, "ch", "sub", "link"))).toBe("../1.png");
    expect([await readdir(done), await readdir(at("in"))]).toEqual([["ch"], []]);
  });

  it("leaves what came or changed after it was copied", async () => {
    const chapter = thenDone(await handedOut(), 1, async () => {
      await writeFile(at("in", "ch", "3.png"), "three");
      await writeFile(at("in", "ch", "sub", "2.png"), "TWO");
    });
    expect(await moveChapter(chapter, done)).toEqual({ target: join(done, "ch"), rest: at("in", "ch") });
    expect(await filesOf(at("in", "ch"))).toEqual(["3.png", "sub/2.png"]);
    expect(await readFile(at("in", "ch", "sub", "2.png"), "utf8")).toBe("TWO");
    expect(await readFile(join(done, "ch", "sub", "2.png"), "utf8")).toBe("two");
    expect(await readdir(at("in"))).toEqual(["ch"]);
  });

  it("leaves no copy of what has changed before it was copied", async () => {
    const chapter = await handedOut();
    await writeFile(at("in", "ch", "3.png"), "three");
    expect(await moveChapter(chapter, done)).toEqual({ changed: at("in", "ch") });
    expect(await filesOf(at("in", "ch"))).toContain("3.png");
    expect(await readdir(done)).toEqual([]);
  });

  it("leaves an archive that another has replaced", async () => {
    await rm(at("in", "ch"), { recursive: true });
    await writeFile(at("in", "ch.cbz"), "old");
    const chapter = thenDone(await handedOut(), 1, () => writeFile(at("in", "ch.cbz"), "new"));
    expect(await moveChapter(chapter, done)).toEqual({ target: join(done, "ch.cbz"), rest: at("in", "ch.cbz") });
    expect(await readFile(at("in", "ch.cbz"), "utf8")).toBe("new");
    expect(await readFile(join(done, "ch.cbz"), "utf8")).toBe("old");
  });

  it("moves nothing of a chapter with a named pipe", async () => {
    const chapter = await handedOut();
    execFileSync("mkfifo", [at("in", "ch", "pipe")]);
    await expect(moveChapter({ ...chapter, look: async () => "same" }, done)).rejects.toThrow("is a named pipe");
    expect([await filesOf(at("in", "ch")), await readdir(done)]).toEqual([
      ["1.png", "pipe", "sub/2.png", "sub/link"],
      [],
    ]);
  });

  it("uses the copy that a kill has left before the originals were removed", async () => {
    const chapter = await handedOut();
    await mkdir(join(done, "ch"));
    await writeFile(join(done, "ch", "1.png"), "of another chapter");
    execFileSync("cp", ["-a", at("in", "ch"), join(done, "ch_3")]);
    expect(await moveChapter(chapter, done)).toEqual({ target: join(done, "ch_3") });
    expect((await readdir(done)).toSorted()).toEqual(["ch", "ch_3"]);
    expect(await readdir(at("in"))).toEqual([]);
  });

  it("completes the removal that a kill has interrupted, and puts back what has no copy", async () => {
    const copy = join(done, "ch");
    execFileSync("cp", ["-a", at("in", "ch"), copy]);
    const taken = at("in", ".cobra-batch-moved-abc123");
    await mkdir(taken);
    await writeFile(join(taken, ".copy"), copy);
    execFileSync("mv", [at("in", "ch"), taken]);
    await rm(join(taken, "ch", "1.png"));
    await writeFile(join(taken, "ch", "3.png"), "three");
    expect(await completeMoves(at("in"), [done])).toEqual([at("in", "ch")]);
    expect(await filesOf(at("in"))).toEqual(["ch/3.png"]);
    expect(await filesOf(copy)).toEqual(WHOLE);
  });

  it("removes nothing for a copy elsewhere than in its folders", async () => {
    execFileSync("cp", ["-a", at("in", "ch"), at("copy")]);
    await mkdir(at("in", ".cobra-batch-moved-abc123"));
    await writeFile(at("in", ".cobra-batch-moved-abc123", ".copy"), at("copy"));
    execFileSync("mv", [at("in", "ch"), at("in", ".cobra-batch-moved-abc123")]);
    expect(await completeMoves(at("in"), [done])).toEqual([at("in", "ch")]);
    expect(await filesOf(at("in", "ch"))).toEqual(WHOLE);
  });
});

describe("a folder that only looks as if it held moved originals", () => {
  it("is left as it is: a link, another name; a pipe in it says nothing", async () => {
    await mkdir(at("victim"));
    await writeFile(at("victim", "theirs.png"), "theirs");
    await symlink(at("victim"), at("in", ".cobra-batch-moved-abc123"));
    await mkdir(at("in", ".cobra-batch-moved-by-hand"));
    await writeFile(at("in", ".cobra-batch-moved-by-hand", "kept.png"), "kept");
    await mkdir(at("in", ".cobra-batch-moved-pipe00"));
    execFileSync("mkfifo", [at("in", ".cobra-batch-moved-pipe00", ".copy")]);
    await writeFile(at("in", ".cobra-batch-moved-pipe00", "back.png"), "back");
    expect(await completeMoves(at("in"), [at("done")])).toEqual([at("in", "back.png")]);
    expect(await filesOf(at("victim"))).toEqual(["theirs.png"]);
    expect(await filesOf(at("in", ".cobra-batch-moved-by-hand"))).toEqual(["kept.png"]);
  });
});

describe.skipIf(!canMount())("to a disk that fills up", () => {
  it("leaves nothing there, and the chapter where it is", async () => {
    await mkdir(at("small"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", at("small")]);
    try {
      await writeFile(at("in", "ch", "large.bin"), Buffer.alloc(200_000, 1));
      await expect(moveChapter(await handedOut(), at("small"))).rejects.toThrow("ENOSPC");
      expect(await readdir(at("small"))).toEqual([]);
      expect(await filesOf(at("in", "ch"))).toEqual(["1.png", "large.bin", "sub/2.png", "sub/link"]);
    } finally {
      execFileSync("umount", [at("small")]);
    }
  });
});
