// How far the copying of large files is, told by size and not by a clock.
import { expect, it } from "vitest";
import { reportedCopy } from "../../../../src/core/output/carried-files.js";
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
  const entry = reportedCopy(file(5), (bytes) => told.push(bytes / MIB));
  expect(entry).toMatchObject({ name: "film.mp4", kind: "other", sizeBytes: 200 * MIB });
  for (let round = 0; round < 2; round++) expect(await read(entry)).toBe(200 * MIB);
  expect(told).toEqual([80, 160, 200, 80, 160, 200]);
});

it("a small file is left as it is", () => {
  const small = file(1);
  expect(reportedCopy(small, () => expect.unreachable())).toBe(small);
});
