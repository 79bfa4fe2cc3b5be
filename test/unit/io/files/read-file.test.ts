/** Files read whole and their first bytes; descriptors are closed again, whatever comes of it. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHead, readWhole } from "../../../../src/io/files/read-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-read-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a file whole, and its first bytes, which may be fewer than asked for", async () => {
  const path = join(folder, "page.png");
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i * 7);
  await writeFile(path, bytes);
  expect(Buffer.compare(await readWhole(path), bytes)).toBe(0);
  expect(await readHead(Buffer.from(path), 5)).toEqual(bytes.slice(0, 5));
  expect(Buffer.compare(await readHead(path, 100_000), bytes)).toBe(0);
  await writeFile(path, "");
  expect(await readWhole(path)).toHaveLength(0);
});

test.skipIf(process.platform !== "linux")("no descriptor stays open, also where nothing can be read", async () => {
  const path = join(folder, "other.png");
  await writeFile(path, "picture");
  const openHere = async (): Promise<number> => {
    const links = await readdir("/proc/self/fd");
    return links.length;
  };
  await readWhole(path);
  const before = await openHere();
  for (let round = 0; round < 20; round++) {
    await readWhole(path);
    await readHead(path, 4);
    await expect(readWhole(folder)).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
    await expect(readWhole(join(folder, "missing.png"))).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
  }
  expect(await openHere()).toBeLessThan(before + 10);
});
