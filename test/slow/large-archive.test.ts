// Output archives beyond 4 GiB (ZIP64), of many entries and of a large one, written and read back without holding them.
// Needs 6 GB of disk: runs with COBRA_SLOW=1 only.
import { spawnSync } from "node:child_process";
import { mkdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openArchiveSink } from "../../src/io/open-sink.js";
import { openPageSource } from "../../src/io/open-source.js";
import { temporaryFolder } from "../unit/io/image/pictures.js";

const ENTRY_BYTES = 64 * 2 ** 20;
const ENTRIES = 81;
/** More than 32 bits can say. */
const LARGE_BYTES = 4_300_000_000;

/** Bytes that differ from entry to entry. */
function content(index: number): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  const words = new Uint32Array(bytes.buffer);
  for (let i = 0; i < words.length; i += 64) words[i] = index * 2 ** 20 + i;
  return bytes;
}

describe.skipIf(process.env["COBRA_SLOW"] !== "1")("an archive of 5 GB (skipped: set COBRA_SLOW=1)", () => {
  it("is written and read back, entry by entry, in the memory of a few entries", async () => {
    const path = join(await temporaryFolder(), "large.cbz");
    const sink = await openArchiveSink(path);
    let peakBytes = 0;
    for (let i = 0; i < ENTRIES; i++) {
      await sink.write(`${i}.png`, content(i));
      peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
    }
    await sink.finish({ created_at: "fixed" });
    expect((await stat(path)).size).toBeGreaterThan(5 * 2 ** 30);
    const source = await openPageSource(path);
    expect(source.faults).toEqual([]);
    const pages = source.entries().filter(({ kind }) => kind === "image");
    expect(pages).toHaveLength(ENTRIES);
    for (const [index, page] of pages.entries()) {
      const bytes = await page.read(); // its CRC-32 is checked
      if (index % 20 === 0 || index === ENTRIES - 1) expect(Buffer.compare(bytes, content(index))).toBe(0);
      peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
    }
    await source.close();
    expect(peakBytes).toBeLessThan(1.5 * 2 ** 30);
    const listed = spawnSync(
      "python3",
      [
        "-c",
        "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); i=z.infolist(); print(len(i), i[-2].header_offset > 2**32)",
        path,
      ],
      { encoding: "utf8" },
    );
    if (listed.error === undefined) expect(listed.stdout.trim()).toBe(`${ENTRIES + 1} True`);
  }, 1_800_000);

  it("carries a file over 4.2 GB, stored, whose sizes need ZIP64", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "in"));
    await writeFile(join(folder, "in/video.mkv"), "begins");
    await truncate(join(folder, "in/video.mkv"), LARGE_BYTES - 4);
    await writeFile(join(folder, "in/video.mkv"), "ends", { flag: "a" });
    await writeFile(join(folder, "in/1.png"), content(1).subarray(0, 1000));
    const input = await openPageSource(join(folder, "in"));
    const sink = await openArchiveSink(join(folder, "out.cbz"));
    const video = input.entries().find(({ name }) => name === "video.mkv")!;
    expect(video).toMatchObject({ kind: "other", sizeBytes: LARGE_BYTES });
    for (const entry of [video, input.entries().find(({ name }) => name === "1.png")!]) await sink.carry(entry);
    await sink.finish();
    await input.close();

    const refused = await openPageSource(join(folder, "out.cbz"));
    expect(refused.faults.map(({ name, error }) => [name, error.code])).toEqual([["video.mkv", "ERR_ZIP_LIMIT"]]);
    await refused.close();
    const output = await openPageSource(join(folder, "out.cbz"), { limits: { maxEntryBytes: 2 * LARGE_BYTES } });
    expect(output.faults).toEqual([]);
    const carried = output.entries().find(({ name }) => name === "video.mkv")!;
    let [bytes, first, last, peakBytes] = [0, "", "", 0];
    for await (const chunk of carried.chunks!()) {
      if (bytes === 0) first = Buffer.from(chunk.subarray(0, 6)).toString();
      bytes += chunk.byteLength;
      last = Buffer.from(chunk.subarray(-4)).toString();
      peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
    }
    expect([bytes, first, last]).toEqual([LARGE_BYTES, "begins", "ends"]);
    expect(peakBytes).toBeLessThan(1.5 * 2 ** 30);
    await output.close();
  }, 1_800_000);
});
