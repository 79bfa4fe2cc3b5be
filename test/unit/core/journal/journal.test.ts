// The journal's lines: checksums, torn and damaged lines.
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journal, journalLine, parseJournal, readJournal } from "../../../../src/core/journal/journal.js";
import type { JournalEntry } from "../../../../src/core/journal/entries.js";

let root: string;
beforeAll(async () => (root = await mkdtemp(join(tmpdir(), "cobra-journal-"))));
afterAll(() => rm(root, { recursive: true, force: true }));

const entry = (name: string): JournalEntry => ({
  type: "carried",
  name,
  sha256: "0".repeat(64),
  sizeBytes: 3,
  firstNumber: 0,
});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("parseJournal", () => {
  const whole = ["a", 'ü"\u2028\u2029\u0085é', "c"].map((name) => journalLine(entry(name)));

  it("reads what journalLine writes: one JSON object a line, with a checksum", () => {
    const text = whole.join("");
    expect(parseJournal(bytes(text), "j")).toEqual({
      entries: [entry("a"), entry('ü"\u2028\u2029\u0085é'), entry("c")],
      goodBytes: bytes(text).length,
      damaged: 0,
    });
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { entry: JournalEntry }).entry),
    ).toEqual([entry("a"), entry('ü"\u2028\u2029\u0085é'), entry("c")]);
  });

  it("drops a last line that was cut off anywhere", () => {
    const text = bytes(whole.join(""));
    const kept = bytes(whole.slice(0, 2).join("")).length;
    for (let end = kept; end < text.length; end++) {
      expect(parseJournal(text.subarray(0, end), "j")).toEqual({
        entries: [entry("a"), entry('ü"\u2028\u2029\u0085é')],
        goodBytes: kept,
        damaged: 0,
      });
    }
  });

  it("skips a line with any one bit changed and counts it", () => {
    const text = bytes(whole.join(""));
    const [start, end] = [bytes(whole[0]!).length, bytes(whole.slice(0, 2).join("")).length - 1];
    for (let at = start; at < end; at++) {
      const changed = text.slice();
      changed[at]! ^= 1;
      if (changed[at] === 0x0a) continue; // that makes two lines of it; both are bad
      expect(parseJournal(changed, "j")).toMatchObject({ entries: [entry("a"), entry("c")], damaged: 1 });
    }
  });

  it("skips a line that is nested a million deep", () => {
    const deep = `${"[".repeat(1e6)}${"]".repeat(1e6)}`;
    const line = journalLine(entry("a")).trimEnd();
    const text = JSON.stringify(entry("a")).replace('"carried"', `"carried","more":${deep}`);
    const crc = crc32(text).toString(16).padStart(8, "0");
    expect(parseJournal(bytes(`${line}\n{"crc":"${crc}","entry":${text}}\n`), "j")).toMatchObject({
      entries: [entry("a")],
      damaged: 1,
    });
  });

  it("takes an empty file and rubbish", () => {
    expect(parseJournal(bytes(""), "j")).toEqual({ entries: [], goodBytes: 0, damaged: 0 });
    expect(parseJournal(bytes('\n{}\n{"crc":"00000000","entry":}\nx'), "j")).toMatchObject({ entries: [], damaged: 3 });
  });
});

describe("Journal", () => {
  it("is append-only and goes on after a torn line", async () => {
    const path = join(root, "journal.ndjson");
    const first = await Journal.open(path);
    await Promise.all(["a", "b"].map((name) => first.append(entry(name))));
    await first.close();
    const before = await readFile(path, "utf8");
    await appendFile(path, journalLine(entry("torn")).slice(0, -5));
    const second = await Journal.open(path);
    expect(second.entries).toEqual([entry("a"), entry("b")]);
    await second.append(entry("c"));
    await second.close();
    expect(await readFile(path, "utf8")).toBe(before + journalLine(entry("c")));
  });

  it("says ERR_OUTPUT_WRITE where it cannot be written", async () => {
    await writeFile(join(root, "file"), "");
    await expect(Journal.open(join(root, "file", "journal.ndjson"))).rejects.toMatchObject({
      code: "ERR_OUTPUT_WRITE",
    });
  });

  it("is read alike in any number of pieces", async () => {
    const path = join(root, "pieces.ndjson");
    const line = (n: number): string => journalLine(entry(`${n}-${"é".repeat(n % 700)}`));
    const text = Array.from({ length: 4000 }, (_, n) => (n % 1000 === 7 ? "damaged\n" : line(n))).join("");
    await writeFile(path, `${text}torn`);
    expect(await readJournal(path)).toEqual(parseJournal(bytes(text), path));
    expect(bytes(text).byteLength).toBeGreaterThan(3 * 2 ** 20);
  });

  it("of any length is read: a line without end is cut off, a long one is skipped", async () => {
    const path = join(root, "long.ndjson");
    await writeFile(path, journalLine(entry("a")));
    const lineBytes = bytes(journalLine(entry("a"))).byteLength;
    await truncate(path, 70 * 2 ** 20);
    await appendFile(path, `\n${journalLine(entry("b"))}`);
    expect(await readJournal(path)).toEqual({
      entries: [entry("a"), entry("b")],
      damaged: 1,
      goodBytes: 70 * 2 ** 20 + 1 + lineBytes,
    });
    await truncate(path, 2 ** 31 + 1);
    expect(await readJournal(path)).toMatchObject({ entries: [entry("a"), entry("b")], damaged: 1 });
  }, 60_000);
});
