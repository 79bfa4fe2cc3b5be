/** Files that are written or read in one trip to another thread: whole or not at all, and as the long way does it. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readWhole, writeWhole } from "../../../../src/binding/files.js";
import { writeFileAtomic, writeFileAtOnce } from "../../../../src/io/files/atomic-file.js";
import { openFolderSink } from "../../../../src/io/open-sink.js";
import { temporaryFolder } from "../image/pictures.js";

const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3);
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("a file written at once", () => {
  it.each([
    ["nothing", new Uint8Array()],
    ["many bytes", BYTES],
    ["a part of a buffer", BYTES.subarray(1000, 5001)],
    ["shared memory", new Uint8Array(new SharedArrayBuffer(70_000)).fill(9)],
  ])("holds %s, and nothing is beside it", async (_what, bytes) => {
    const folder = await temporaryFolder();
    expect(await writeFileAtOnce(join(folder, "a.png"), bytes, false)).toBe(true);
    expect(readdirSync(folder)).toEqual(["a.png"]);
    expect(readFileSync(join(folder, "a.png")).equals(Buffer.from(bytes))).toBe(true);
  });

  it("takes no name that is taken, unless it may replace, and no other than a file's", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "a.png");
    writeFileSync(path, "mine");
    symlinkSync("nowhere", join(folder, "link.png"));
    mkdirSync(join(folder, "folder.png"));
    const before = readdirSync(folder);
    expect(await writeFileAtOnce(path, BYTES, false)).toBe(false);
    expect(await writeFileAtOnce(join(folder, "link.png"), BYTES, false)).toBe(false);
    expect(await writeFileAtOnce(join(folder, "folder.png"), BYTES, true)).toBe(false);
    expect(readdirSync(folder)).toEqual(before);
    expect(readFileSync(path, "utf8")).toBe("mine");
    expect(await writeFileAtOnce(path, BYTES, true)).toBe(true);
    expect(readFileSync(path).equals(BYTES)).toBe(true);
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each([0o600, 0o640, 0o444, 0o755])(
    "has the permissions (%o) of what it replaces, as on the long way",
    async (mode) => {
      const folder = await temporaryFolder();
      const paths = ["at once.png", "long.png"].map((name) => join(folder, name));
      for (const path of paths) {
        writeFileSync(path, "before");
        chmodSync(path, mode);
      }
      await writeFileAtOnce(paths[0]!, BYTES, true);
      await writeFileAtomic(paths[1]!, BYTES, true);
      expect(paths.map(modeOf)).toEqual([mode, mode]);
    },
  );

  it("has the permissions that the process gives a new one", async () => {
    const folder = await temporaryFolder();
    const before = process.umask(0o027);
    try {
      await writeFileAtOnce(join(folder, "a.png"), BYTES, false);
    } finally {
      process.umask(before);
    }
    expect(modeOf(join(folder, "a.png"))).toBe(0o640);
  });

  it("leaves what has its temporary name, and makes no folder that is gone", async () => {
    const folder = await temporaryFolder();
    const [temporary, target] = [join(folder, "temporary"), join(folder, "a.png")];
    writeFileSync(temporary, "another's");
    expect(await writeWhole(BYTES, { folder, temporary, target, overwrite: true })).toBe(false);
    expect(readdirSync(folder)).toEqual(["temporary"]);
    const gone = join(folder, "gone");
    expect(await writeFileAtOnce(join(gone, "a.png"), BYTES, true, gone)).toBe(false);
    expect(existsSync(gone)).toBe(false);
  });

  it("of two for one name, one gets it", async () => {
    const folder = await temporaryFolder();
    const writes = Array.from({ length: 8 }, () => writeFileAtOnce(join(folder, "a.png"), BYTES, false));
    expect((await Promise.all(writes)).filter(Boolean)).toEqual([true]);
    expect(readdirSync(folder)).toEqual(["a.png"]);
  });

  it("a sink goes the long way where a name is taken, and gives a name again that it could not write", async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder, "a.png"), "mine");
    const sink = await openFolderSink(folder, { overwrite: false });
    expect(await sink.write("a.png", BYTES)).toBe(join(folder, "a_1.png"));
    expect(await sink.write("b.png", BYTES)).toBe(join(folder, "b.png"));
    expect(await sink.write("b.png", BYTES)).toBe(join(folder, "b_1.png"));
    const long = `${"x".repeat(300)}.png`;
    await expect(sink.write(long, BYTES)).rejects.toMatchObject({ code: "ERR_OUTPUT_WRITE" });
    expect(readdirSync(folder).sort()).toEqual(["a.png", "a_1.png", "b.png", "b_1.png"]);
  });
});

describe("a file read at once", () => {
  it("is all there, also under a name that is no text", async () => {
    const folder = await temporaryFolder();
    const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xe9])]);
    writeFileSync(path, BYTES);
    expect(Buffer.from((await readWhole(path, BYTES.length))!).equals(BYTES)).toBe(true);
    writeFileSync(path, "");
    expect(await readWhole(path, 0)).toEqual(new Uint8Array());
  });

  it("is left to the long way where it is too large, no file, or not there", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "large");
    writeFileSync(path, "");
    truncateSync(path, 2 ** 40);
    for (const other of [path, folder, "/dev/zero", join(folder, "missing"), join(folder, "large", "below")])
      expect(await readWhole(other, 2 ** 22)).toBeUndefined();
  });
});
