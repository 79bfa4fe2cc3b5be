// What appears in a hot folder is handed out once it has stopped growing.
import { existsSync } from "node:fs";
import { appendFile, chmod, mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readyChapters, type ReadyChapter } from "../../../src/farm/watch/hot-folder.js";
import { linePage, writeFolder } from "../../support/chapter.js";

let root: string;
let stop: AbortController;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-hot-"));
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await rm(root, { recursive: true, force: true });
});
const at = (...names: string[]): string => join(root, ...names);

function watching(quietMs = 0, faults: unknown[] = [], now = () => performance.now()) {
  const onFault = (error: unknown): void => void faults.push(error);
  return readyChapters({
    now,
    folder: at("in"),
    everyMs: 5,
    quietMs,
    except: [at("in", "out")],
    signal: stop.signal,
    onFault,
  });
}

it("hands out archives, folders and pictures once; not what is empty, partial, a note or its own output", async () => {
  await mkdir(at("in", "folder"), { recursive: true });
  await mkdir(at("in", "empty"));
  await mkdir(at("in", "out"));
  await writeFile(at("in", "folder", "p1.png"), "x");
  await writeFile(at("in", "out", "p1_colorized.png"), "x");
  await writeFile(at("in", "a.cbz"), "PK");
  await writeFile(at("in", "page"), await linePage());
  for (const name of ["notes.txt", ".a.cbz.Xk3p9Q", "b.cbz.part"]) await writeFile(at("in", name), "x");
  await writeFile(at("in", "zero.cbz"), "");
  const chapters = watching();
  const found = [await chapters.next(), await chapters.next(), await chapters.next()].map(
    ({ value }) => value as unknown,
  );
  expect(found).toMatchObject([
    { path: at("in", "a.cbz"), kind: "archive" },
    { path: at("in", "folder"), kind: "folder" },
    { path: at("in", "page"), kind: "picture" },
  ]);
  // Nothing of these again; a file that gets its name later, and one that has changed, are the next ones.
  await rename(at("in", "b.cbz.part"), at("in", "b.cbz"));
  expect((await chapters.next()).value).toMatchObject({ path: at("in", "b.cbz"), kind: "archive" });
  await appendFile(at("in", "a.cbz"), "more");
  expect((await chapters.next()).value).toMatchObject({ path: at("in", "a.cbz"), kind: "archive" });
});

it("names what is no chapter and might be taken for one, once for each state", async () => {
  await mkdir(at("in"));
  spawnSync("mkfifo", [at("in", "page.png")]);
  await symlink("nowhere", at("in", "gone.cbz"));
  await writeFile(at("in", "page.psd"), Buffer.from(`8BPS\0\x01${"\0".repeat(60)}`, "latin1"));
  await writeFile(at("in", "volume.cbr"), Buffer.concat([Buffer.from("Rar!\x1a\x07\x00", "latin1"), Buffer.alloc(99)]));
  await writeFile(at("in", "renamed.cbr"), Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), Buffer.alloc(99)]));
  await writeFile(at("in", "notes.txt"), "of the letterer");
  await writeFile(at("in", "empty.cbz"), "");
  await mkdir(at("in", "bare", "inner"), { recursive: true });
  await mkdir(at("in", "pipes"));
  spawnSync("mkfifo", [at("in", "pipes", "1.png")]);
  await symlink(".", at("in", "self"));
  await symlink("..", at("in", "up"));
  for (const name of [".DS_Store", ".a.cbz.Xk3p9Q", ".notes"]) await writeFile(at("in", name), "PK");
  await writeFile(at("in", "z.cbz"), "PK");
  const said: [string, string][] = [];
  const onOther = (path: string, what: string): void => void said.push([basename(path), what]);
  const options = { folder: at("in"), everyMs: 5, quietMs: 0, signal: stop.signal, onOther };
  const chapters = readyChapters(options);
  expect((await chapters.next()).value).toMatchObject({ path: at("in", "z.cbz") });
  expect(said.toSorted()).toEqual([
    ["bare", "is an empty folder"],
    ["empty.cbz", "is empty"],
    ["gone.cbz", expect.stringMatching(/^is a link to nowhere, which cannot be read: .*ENOENT/)],
    ["page.png", "is a named pipe"],
    ["page.psd", expect.stringMatching(/^is a Photoshop document/)],
    ["pipes", "is a folder without files: it holds a named pipe"],
    ["renamed.cbr", "is a ZIP archive without the extension .zip or .cbz; rename it"],
    ["self", "leads to the folder that is watched, or to one that it lies in"],
    ["up", "leads to the folder that is watched, or to one that it lies in"],
    ["volume.cbr", expect.stringMatching(/^is a RAR archive \(CBR\); /)],
  ]);
  await appendFile(at("in", "z.cbz"), "more");
  expect((await chapters.next()).value).toMatchObject({ path: at("in", "z.cbz") });
  expect(said).toHaveLength(10);
  await rename(at("in", "gone.cbz"), at("in", "other.cbz"));
  await appendFile(at("in", "z.cbz"), "more");
  expect((await chapters.next()).value).toMatchObject({ path: at("in", "z.cbz") });
  expect(said.map(([name]) => name).slice(10)).toEqual(["other.cbz"]);
});

it("takes chapters whose names begin with a dot, and none that systems and programs keep", async () => {
  const titles = [
    ".hack vol 1",
    ".hack.vol001",
    ".Synchronized Hearts",
    ".Trash Market 01",
    "Aria ~Avvenire~",
    "b.part",
  ];
  const foreign = [".Trash-1000", "#recycle", "@eaDir", "lost+found", ".stversions", ".rsync-partial"];
  for (const folder of [...titles, ...foreign]) await writeFolder(at("in", folder), { "1.png": await linePage() });
  for (const file of [".hack vol 2.cbz", ".goutputstream-6KX3Q2", ".in.c.cbz.", ".~lock.c.cbz#", ".pureftpd-upload.1"])
    await writeFile(at("in", file), "PK");
  for (const file of ["..page.png", "Cover~", "page.png~"]) await writeFile(at("in", file), await linePage());
  await writeFile(at("in", "z.cbz"), "PK");
  const said: string[] = [];
  const options = { folder: at("in"), everyMs: 5, quietMs: 0, signal: stop.signal };
  const chapters = readyChapters({ ...options, onOther: (path) => void said.push(path) });
  const names = [...titles, ".hack vol 2.cbz", "..page.png", "Cover~", "z.cbz"];
  const found: string[] = [];
  while (!found.includes("z.cbz")) found.push(basename(((await chapters.next()).value as ReadyChapter).path));
  expect(found.toSorted()).toEqual(names.toSorted());
  expect(said).toEqual([]);
});

it("looks again at what has got the name of a link to the folder, or of a folder for results", async () => {
  await mkdir(at("in"));
  await symlink(".", at("in", "a"));
  await mkdir(at("in", "out"));
  await writeFile(at("in", "z.cbz"), "PK");
  const chapters = watching();
  expect((await chapters.next()).value).toMatchObject({ path: at("in", "z.cbz") });
  await rm(at("in", "a"));
  await rename(at("in", "out"), at("in", "a"));
  await writeFile(at("in", "a", "1.png"), await linePage());
  expect((await chapters.next()).value).toMatchObject({ path: at("in", "a"), kind: "folder" });
});

/** A file that nobody can read, root neither. */
const UNREADABLE = "/sys/bus/cpu/drivers_probe";

it.runIf(existsSync(UNREADABLE))("names a file that cannot be read, once", async () => {
  await mkdir(at("in"));
  await symlink(UNREADABLE, at("in", "page.png"));
  const said: [string, string][] = [];
  const looked: number[] = [];
  const options = {
    folder: at("in"),
    everyMs: 1,
    quietMs: 0,
    signal: stop.signal,
    onOther: (path: string, what: string): void => void said.push([basename(path), what]),
    now: () => looked.push(0),
  };
  const last = readyChapters(options).next();
  while (looked.length < 60) await new Promise((resolve) => setTimeout(resolve, 1));
  stop.abort();
  expect((await last).done).toBe(true);
  expect(said).toEqual([["page.png", expect.stringMatching(/^cannot be read: EACCES/)]]);
});

it.runIf(process.getuid?.() !== 0)(
  "names what another user's rights hide, and hands it out once they allow it",
  async () => {
    await mkdir(at("in", "ch", "inner"), { recursive: true });
    for (const file of [at("in", "ch", "1.png"), at("in", "page.png")]) await writeFile(file, await linePage());
    const hidden = [at("in", "ch"), at("in", "page.png")];
    for (const path of hidden) await chmod(path, 0);
    const said: string[] = [];
    const chapters = readyChapters({
      folder: at("in"),
      everyMs: 5,
      quietMs: 0,
      signal: stop.signal,
      onOther: (path, what) => void said.push(`${basename(path)} ${what}`),
    });
    const first = chapters.next();
    while (said.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const path of hidden) await chmod(path, 0o700);
    const found = [await first, await chapters.next()].map(({ value }) => (value as ReadyChapter).path);
    expect(found.toSorted()).toEqual(hidden);
    expect(said).toEqual([
      expect.stringMatching(/^ch cannot be read: EACCES/),
      expect.stringMatching(/^page\.png cannot be read: EACCES/),
    ]);
  },
);

it("takes no folder for results, one further down and one behind a link included", async () => {
  for (const folder of ["results", join("deep", "down"), "moved"]) {
    await mkdir(at("in", folder), { recursive: true });
    await writeFile(at("in", folder, "p1_colorized.png"), "x");
  }
  await symlink(at("in"), at("link"));
  await writeFile(at("in", "z.cbz"), "PK");
  const except = [at("link", "results"), at("in", "deep", "down"), at("in", "moved")];
  const options = { folder: at("link"), everyMs: 5, quietMs: 0, except, signal: stop.signal };
  expect((await readyChapters(options).next()).value).toMatchObject({ path: at("link", "z.cbz"), kind: "archive" });
});

it("waits as long as something grows behind attributes that a network folder keeps", async () => {
  await mkdir(at("in", "folder"), { recursive: true });
  const files = [at("in", "a.cbz"), at("in", "folder", "p1.png")];
  for (const file of files) await writeFile(file, "P");
  let clock = 0;
  const looked = { times: 0 };
  const now = (): number => (looked.times++, clock);
  const attributes = async (): Promise<{ size: number; mtimeMs: number }> => ({ size: 1, mtimeMs: 1 });
  const options = { folder: at("in"), everyMs: 1, quietMs: 400, signal: stop.signal, now, attributes };
  const chapters = readyChapters(options);
  const seen: unknown[] = [];
  void (async () => {
    for await (const { path } of chapters) seen.push(path);
  })();
  const looks = async (): Promise<void> => {
    const until = looked.times + 3 * files.length;
    await expect.poll(() => looked.times).toBeGreaterThan(until);
  };
  await looks();
  for (let grown = 0; grown < 5; grown++) {
    for (const file of files) await appendFile(file, "K");
    clock += 300; // less than quietMs: a look may fall before or after it
    await looks();
    expect(seen).toEqual([]);
  }
  clock += 500;
  await expect.poll(() => seen.toSorted()).toEqual([at("in", "a.cbz"), at("in", "folder")]);
});

it("waits as long as something grows", async () => {
  await mkdir(at("in"));
  await writeFile(at("in", "a.cbz"), "P");
  let clock = 0;
  const chapters = watching(400, [], () => clock);
  const next = chapters.next();
  const seen = { ready: false };
  void next.then(() => (seen.ready = true));
  for (let grown = 0; grown < 20; grown++) {
    await appendFile(at("in", "a.cbz"), "x");
    clock += 399;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(seen.ready).toBe(false);
  while (!seen.ready) {
    clock += 400;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect((await next).value).toMatchObject({ kind: "archive" });
});

it("goes on when the folder comes back, and ends with the signal", async () => {
  const faults: unknown[] = [];
  const chapters = watching(0, faults);
  const next = chapters.next();
  while (faults.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await mkdir(at("in"));
  await writeFile(at("in", "a.cbz"), "PK");
  expect((await next).value).toMatchObject({ path: at("in", "a.cbz") });
  expect(faults).toHaveLength(1);
  const last = chapters.next();
  stop.abort();
  expect((await last).done).toBe(true);
});

it("tells of a chapter that changes after it was handed out, and hands it out again", async () => {
  await mkdir(at("in", "ch"), { recursive: true });
  await writeFile(at("in", "ch", "1.png"), "x");
  await symlink("elsewhere.png", at("in", "ch", "2.png"));
  const chapters = watching();
  const first = (await chapters.next()).value as ReadyChapter;
  expect(await first.look()).toBe("same");
  await rename(at("in", "ch"), at("moved"));
  expect([await first.look(at("moved")), await first.look()]).toEqual(["same", "gone"]);
  await rename(at("moved"), at("in", "ch"));
  // What keeps size and time: another file of both.
  const { atime, mtime } = await stat(at("in", "ch", "1.png"));
  await writeFile(at("in", "ch", "1.png"), "y");
  await utimes(at("in", "ch", "1.png"), atime, mtime);
  expect(await first.look()).toBe("changed");
  const second = (await chapters.next()).value as ReadyChapter;
  expect([second.path, await second.look()]).toEqual([at("in", "ch"), "same"]);
  await symlink("elsewhere.png", at("in", "ch", "3.png"));
  expect(await second.look()).toBe("changed");
});

it("hands a chapter out again that is to be tried later, as it is, after a while that doubles up to a limit", async () => {
  await mkdir(at("in"));
  await writeFile(at("in", "a.cbz"), "PK");
  let clock = 0;
  const looked: number[] = [];
  const chapters = watching(0, [], () => (looked.push(clock), clock));
  /** Two looks at least at this time. */
  const looks = async (ms: number): Promise<void> => {
    clock = ms;
    const from = looked.length;
    while (looked.length < from + 4) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  let chapter = (await chapters.next()).value as ReadyChapter;
  const waited: number[] = [];
  for (let round = 0; round < 7; round++) {
    const waitMs = chapter.tryLater();
    waited.push(waitMs);
    let isThere = false;
    const next = chapters.next().then(({ value }) => ((isThere = true), value as ReadyChapter));
    await looks(clock + waitMs - 1);
    expect(isThere).toBe(false);
    clock += 1;
    chapter = await next;
    expect([chapter.path, await chapter.look()]).toEqual([at("in", "a.cbz"), "same"]);
  }
  expect(waited).toEqual([75, 150, 300, 600, 1200, 2400, 2400]);
});
