// How far the copying of large files is, told by size and not by a clock; and its end once a run is given up.
import { expect, it } from "vitest";
import { watchedCopy } from "../../../../src/core/output/carried-files.js";
import { chunksOf, type SourceEntry } from "../../../../src/io/page-source.js";

const MIB = 2 ** 20;
const piece = new Uint8Array(40 * MIB);
const file = (pieces: number): SourceEntry => ({
  name: "film.mp4",
  kind: "other",
  sizeBytes: pieces * piece.byteLength,
  read: () => Promise.reject(new Error("it is never read whole")),
  async *chunks() {
    for (let index = 0; index < pieces; index++) yield piece;
  },
});

async function read(entry: SourceEntry): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunksOf(entry)) bytes += chunk.byteLength;
  return bytes;
}

it("a large file is reported after every 64 MiB, and again when it is read again", async () => {
  const told: number[] = [];
  const entry = watchedCopy(file(5), {
    report: (bytes) => told.push(bytes / MIB),
    signal: new AbortController().signal,
  });
  expect(entry).toMatchObject({ name: "film.mp4", kind: "other", sizeBytes: 200 * MIB });
  for (let round = 0; round < 2; round++) expect(await read(entry)).toBe(200 * MIB);
  expect(told).toEqual([80, 160, 200, 80, 160, 200]);
});

it("of a small file nothing is told", async () => {
  const entry = watchedCopy(file(1), { report: () => expect.unreachable(), signal: new AbortController().signal });
  expect(await read(entry)).toBe(40 * MIB);
});

it("ends at the next part once its signal is aborted, and is not begun after that", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const entry = watchedCopy(file(9), { report: () => stop.abort(reason), signal: stop.signal });
  await expect(read(entry)).rejects.toBe(reason);
  await expect(read(entry)).rejects.toBe(reason);
  await expect(entry.read()).rejects.toBe(reason);
});
