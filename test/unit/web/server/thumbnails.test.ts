// Thumbnails on disk: kept by content up to a size, made again where a file is lost or cut.
import { mkdir, mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeThumbnail } from "../../../../src/io/image/thumbnail.js";
import type { LazyPool } from "../../../../src/ui/web/server/lazy-pool.js";
import { Thumbnails } from "../../../../src/ui/web/server/thumbnails.js";
import { colourPage, linePage } from "../../../support/chapter.js";

let folder: string;
let made: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-thumbnails-"));
  made = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const pool = {
  maxThreads: 1,
  run: (_task: string, { bytes, name, sidePixels }: { bytes: Uint8Array; name: string; sidePixels: number }) => {
    made++;
    return makeThumbnail(bytes, name, sidePixels);
  },
} as unknown as LazyPool;

function thumbnails(maxBytes = 1e9): Thumbnails {
  return new Thumbnails({ folder: join(folder, "kept"), pool, maxBytes, mostWaiting: 100 });
}

const opened =
  (bytes: Uint8Array, version = "1") =>
  async () => ({
    bytes: new Uint8Array(bytes),
    name: "p.png",
    type: "image/png",
    sizeBytes: bytes.byteLength,
    version,
  });

async function files(): Promise<string[]> {
  return (await readdir(join(folder, "kept"), { recursive: true })).filter((name) => name.endsWith(".webp"));
}

it("are made once for one content, whatever it is called, and outlive the server", async () => {
  const page = await linePage();
  const first = await thumbnails().get("a", opened(page), 160);
  await thumbnails().get("b", opened(page), 160);
  expect(made).toBe(1);
  const other = await thumbnails().get("a", opened(await linePage(1), "2"), 160);
  expect(other.version).not.toBe(first.version);
  expect(made).toBe(2);
  expect(await files()).toHaveLength(2);
});

it("are made again where the file is empty or gone", async () => {
  const page = await linePage();
  const kept = thumbnails();
  const { bytes } = await kept.get("a", opened(page), 160);
  const [name] = await files();
  await truncate(join(folder, "kept", name!), 0);
  expect((await kept.get("a", opened(page), 160)).bytes).toEqual(bytes);
  await rm(join(folder, "kept"), { recursive: true });
  expect((await kept.get("a", opened(page), 160)).bytes).toEqual(bytes);
  expect(made).toBe(3);
});

it("take no more room than they may; the least recently used ones go", async () => {
  const kept = thumbnails();
  const one = (await kept.get("0", opened(await colourPage(0)), 160)).bytes.byteLength;
  const small = thumbnails(3.5 * one);
  for (let index = 0; index < 10; index++) await small.get(String(index), opened(await colourPage(index)), 160);
  const left = await files();
  const sizes = await Promise.all(left.map(async (name) => (await stat(join(folder, "kept", name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(3.5 * one);
  expect(left.length).toBeGreaterThan(0);
});

it("leave what is not theirs in their folder, and go on past what cannot be removed", async () => {
  const kept = thumbnails();
  const one = (await kept.get("0", opened(await colourPage(0)), 160)).bytes.byteLength;
  const hash = "ab".repeat(32);
  const foreign = [`${hash}-160.webp`, `mine/${hash}-160.webp`, `ab/${hash}-160.webp/notes.txt`, "ab/photo.webp"];
  for (const name of foreign) {
    await mkdir(join(folder, "kept", dirname(name)), { recursive: true });
    await writeFile(join(folder, "kept", name), Buffer.alloc(5 * one));
    await utimes(join(folder, "kept", name), 0, 0);
  }
  const small = thumbnails(3.5 * one);
  for (let index = 0; index < 10; index++) await small.get(String(index), opened(await colourPage(index)), 160);
  for (const name of foreign) expect((await stat(join(folder, "kept", name))).size, name).toBe(5 * one);
  expect((await files()).length).toBeLessThan(10);
});

it("are shown also where they cannot be kept", async () => {
  await writeFile(join(folder, "kept"), "a file in the way");
  expect((await thumbnails().get("a", opened(await linePage()), 160)).bytes.byteLength).toBeGreaterThan(0);
});

it.each(["jpeg", "png", "webp", "tiff", "avif", "gif"] as const)("are made of %s", async (format) => {
  const picture = await sharp(await linePage())
    .resize(600, 840)
    .toFormat(format)
    .toBuffer();
  const { width, height } = await sharp(await makeThumbnail(picture, "p", 320)).metadata();
  expect([width, height]).toEqual([229, 320]);
});

it("are upright and never larger than the picture", async () => {
  const lying = await sharp(await linePage())
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  const { width, height } = await sharp(await makeThumbnail(lying, "p", 1280)).metadata();
  expect([width, height]).toEqual([280, 200]);
});
