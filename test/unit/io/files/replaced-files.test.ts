/** Files that are another thing by the time they are read: nothing is waited for, nothing is read without end. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ContentHashes } from "../../../../src/core/input/content-hashes.js";
import { hintsOf, ownFileFaults } from "../../../../src/core/input/page-overrides.js";
import { fileChunks, readHead, readWhole } from "../../../../src/io/files/read-file.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import { temporaryFolder } from "../image/pictures.js";

const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55", "hex");
const pipe = (path: string): string => (execFileSync("mkfifo", [path]), path);

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.byteLength;
  return bytes;
}

describe.skipIf(process.platform === "win32")("files that change while an input is read", () => {
  const CHANGES: Record<string, (path: string) => void> = {
    gone: (path) => rmSync(path),
    "a folder": (path) => (rmSync(path), mkdirSync(path)),
    "a named pipe": (path) => (rmSync(path), pipe(path)),
    "a link to itself": (path) => (rmSync(path), symlinkSync(path, path)),
    "a device without end": (path) => (rmSync(path), symlinkSync("/dev/zero", path)),
  };
  it.each(Object.keys(CHANGES))("a page that is %s by now costs itself alone", async (change) => {
    const folder = await temporaryFolder();
    for (const name of ["1.png", "2.png"]) writeFileSync(join(folder, name), PNG);
    const source = await openPageSource(folder);
    CHANGES[change]!(join(folder, "1.png"));
    const [changed, other] = source.entries();
    await expect(changed!.read()).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
    await expect(bytesOf(changed!.chunks!())).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
    expect(Buffer.from(await other!.read())).toEqual(PNG);
  });

  it("a file that grows and one that shrinks end", async () => {
    const path = join(await temporaryFolder(), "log.txt");
    writeFileSync(path, Buffer.alloc(3 * 2 ** 20));
    let read = 0;
    for await (const chunk of fileChunks(path)) {
      read += chunk.byteLength;
      appendFileSync(path, Buffer.alloc(2 ** 20));
    }
    expect(read).toBe(3 * 2 ** 20);
    let pieces = 0;
    for await (const _ of fileChunks(path)) if (++pieces === 1) truncateSync(path, 10);
    expect(pieces).toBe(1);
  });

  it("a pipe or a device is named, wherever a file is read", async () => {
    const path = pipe(join(await temporaryFolder(), "pipe"));
    const named = { message: expect.stringContaining("it is a named pipe, not a file") };
    await expect(readHead(path, 8)).rejects.toMatchObject(named);
    await expect(readWhole(path)).rejects.toMatchObject(named);
    await expect(readWhole("/dev/zero")).rejects.toMatchObject({ message: expect.stringContaining("a device") });
    await expect(hintsOf(path)).rejects.toMatchObject({ code: "ERR_HINTS", ...named });
    expect(await ownFileFaults([["001.png", { colorHints: path }]])).toEqual([
      {
        message: expect.stringContaining("cannot be read (it is a named pipe, not a file)") as string,
        remedy: expect.any(String) as string,
      },
    ]);
  });
});

describe("hashes of references' contents", () => {
  it.each(["read first", "read when asked for"])(
    "a file that cannot be read leaves the others' hashes (%s)",
    async (way) => {
      const folder = await temporaryFolder();
      writeFileSync(join(folder, "a.png"), "one");
      symlinkSync(".", join(folder, "loop"));
      if (process.platform !== "win32") pipe(join(folder, "pipe"));
      const hash = async (): Promise<string> => {
        const hashes = new ContentHashes(true);
        if (way === "read first") await hashes.read([folder, "/dev/zero"]);
        return hashes.of(folder);
      };
      const before = await hash();
      expect(await hash()).toBe(before);
      writeFileSync(join(folder, "a.png"), "two");
      expect(readFileSync(join(folder, "a.png"), "utf8")).toBe("two");
      expect(await hash()).not.toBe(before);
    },
  );

  it("both ways give the same hash", async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder, "a.png"), Buffer.alloc(2 ** 20 + 5, 7));
    const first = new ContentHashes();
    await first.read([folder, join(folder, "a.png")]);
    expect(new ContentHashes().of(folder)).toBe(first.of(folder));
    expect(new ContentHashes().of(join(folder, "a.png"))).toBe(first.of(join(folder, "a.png")));
  });
});
