// The folder of uploads: what of it expires, and what of it is somebody else's.
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { UploadStore } from "../../../../src/ui/web/server/upload-store.js";

const DAY_MS = 24 * 3600_000;
const EXPIRY_MS = 3 * DAY_MS;
const NOW = Date.UTC(2026, 0, 10);
const id = (digit: string): string => digit.repeat(32);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-uploads-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, ageDays: number): Promise<void> {
  await writeFile(join(folder, name), name);
  await age(name, ageDays);
}

function age(name: string, days: number): Promise<void> {
  const seconds = (NOW - days * DAY_MS) / 1000;
  return utimes(join(folder, name), seconds, seconds);
}

it("loses what nobody has gone on with, a record not before its bytes", async () => {
  for (const name of [id("1"), `${id("1")}.json`, `${id("2")}.json`, id("3"), `${id("4")}.part`]) await put(name, 4);
  for (const name of [id("5"), `${id("6")}.json`, `${id("7")}.part`]) await put(name, 2);
  await put(`${id("5")}.json`, 4);
  await new UploadStore(folder, EXPIRY_MS).sweep(NOW);
  expect((await readdir(folder)).sort()).toEqual([id("5"), `${id("5")}.json`, `${id("6")}.json`, `${id("7")}.part`]);
});

it("keeps what is not the server's, whatever it is called and however old it is", async () => {
  const names = [
    "a.png",
    "thesis.docx",
    "notes.json",
    `${id("a")}.png`,
    `${id("a")}.json.bak`,
    id("A"),
    `${id("a")}0`,
    `${id("b")}\n`,
  ];
  for (const name of names) await put(name, 4000);
  await new UploadStore(folder, EXPIRY_MS).sweep(NOW);
  expect((await readdir(folder)).sort()).toEqual(names.sort());
  for (const name of names) expect(await readFile(join(folder, name), "utf8")).toBe(name);
});

it("is swept past folders, also those with a name like an upload's", async () => {
  const folders = ["a folder", id("0"), `${id("0")}.json`];
  for (const name of folders) {
    await mkdir(join(folder, name));
    await age(name, 4);
  }
  await put(id("9"), 4);
  await new UploadStore(folder, EXPIRY_MS).sweep(NOW);
  expect((await readdir(folder)).sort()).toEqual(folders.sort());
});

it("may be gone, or no folder", async () => {
  await new UploadStore(join(folder, "made"), EXPIRY_MS).sweep(NOW);
  await rm(join(folder, "made"), { recursive: true });
  const store = new UploadStore(join(folder, "made"), EXPIRY_MS);
  await rm(join(folder, "made"), { recursive: true, force: true });
  await store.sweep(NOW);
  await writeFile(join(folder, "made"), "");
  await expect(store.sweep(NOW)).resolves.toBeUndefined();
});
