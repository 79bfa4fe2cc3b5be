// Archives as inputs and outputs against plain files and against the plain way (unpack everything into a temporary
// folder, then read): MB a second of a chapter's pages. Every candidate's bytes are checked.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openArchiveSink } from "../dist/io/open-sink.js";
import { openPageSource } from "../dist/io/open-source.js";
import { ZipWriter } from "../dist/io/archive/zip-writer.js";
import { compare, report } from "./harness.mjs";

const PAGES = 60;
const PAGE_BYTES = 2_000_000;
const folder = await mkdtemp(join(tmpdir(), "cobra-bench-"));
const pages = Array.from({ length: PAGES }, (_, i) => {
  const bytes = new Uint8Array(PAGE_BYTES);
  let state = i + 1;
  for (let at = 0; at < bytes.length; at++) bytes[at] = state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return [`${String(i).padStart(3, "0")}.png`, bytes];
});
const hashOf = (all) => all.reduce((hash, bytes) => hash.update(bytes), createHash("sha256")).digest("hex");
const expected = hashOf(pages.map(([, bytes]) => bytes));

const read = async (path) => {
  const source = await openPageSource(path);
  const all = [];
  for (const entry of source.entries()) all.push(await entry.read());
  await source.close();
  return all;
};
const unpackFirst = async () => {
  const aside = await mkdtemp(join(folder, "unpacked-"));
  const source = await openPageSource(join(folder, "pages.cbz"));
  for (const entry of source.entries()) await writeFile(join(aside, entry.name), await entry.read());
  await source.close();
  const all = [];
  for (const [name] of pages) all.push(await readFile(join(aside, name)));
  await rm(aside, { recursive: true });
  return all;
};
const writeArchive = async (path) => {
  const sink = await openArchiveSink(path, { overwrite: true });
  for (const [name, bytes] of pages) await sink.write(name, bytes);
  await sink.finish();
};
// What makes the archive, without what makes it safe: nothing is synced and the file has its name from the start.
const writeUnsynced = async (path) => {
  const zip = new ZipWriter();
  const file = await open(path, "w");
  for (const [name, bytes] of pages) await file.writev(await zip.add(name, bytes));
  await file.writev(await zip.end());
  await file.close();
};
const writeFiles = async (path, flush) => {
  await mkdir(path, { recursive: true });
  for (const [name, bytes] of pages) await writeFile(join(path, name), bytes, { flush });
};

try {
  await writeArchive(join(folder, "pages.cbz"));
  await writeFiles(join(folder, "pages"), false);
  await writeUnsynced(join(folder, "plain.cbz"));
  for (const path of ["pages.cbz", "plain.cbz", "pages"])
    if (hashOf(await read(join(folder, path))) !== expected) throw new Error(`${path} does not hold what was written`);
  if (hashOf(await unpackFirst()) !== expected) throw new Error("unpacked pages differ");
  const megabytes = (PAGES * PAGE_BYTES) / 1e6;
  const rate = (action) => async () => {
    const start = performance.now();
    await action();
    return megabytes / ((performance.now() - start) / 1000);
  };
  // What a candidate has left to the disk is written before the next one's turn.
  const writing = (action) => async () => {
    spawnSync("sync", ["-f", folder]);
    return rate(action)();
  };
  report(
    "archives",
    [
      await compare({
        name: "reading 60 pages",
        unit: "MB/s",
        rounds: 9,
        candidates: {
          archive: rate(() => read(join(folder, "pages.cbz"))),
          "folder, the same source": rate(() => read(join(folder, "pages"))),
          "unpack all, then read": rate(unpackFirst),
        },
      }),
      await compare({
        name: "writing 60 pages, synced",
        unit: "MB/s",
        rounds: 9,
        candidates: {
          "archive, synced at its end": writing(() => writeArchive(join(folder, "out.cbz"))),
          "files, each synced": writing(() => writeFiles(join(folder, "out"), true)),
        },
      }),
      await compare({
        name: "writing 60 pages, not synced",
        unit: "MB/s",
        rounds: 9,
        candidates: {
          archive: writing(() => writeUnsynced(join(folder, "plain.cbz"))),
          files: writing(() => writeFiles(join(folder, "out"), false)),
          "archive, synced all the same": writing(() => writeArchive(join(folder, "out.cbz"))),
        },
      }),
    ],
    "build/bench",
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
