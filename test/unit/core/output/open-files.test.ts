/**
 * Files are closed before they are deleted. Network shares and FUSE keep a deleted file that is open in its folder
 * under another name, and some refuse to delete it.
 */
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lease } from "../../../../src/core/journal/lease.js";
import { LockedJournal } from "../../../../src/core/journal/locked-journal.js";
import { removeFolder } from "../../../../src/core/output/work-folder.js";
import { exists } from "../../../../src/io/files/exists.js";

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "cobra-open-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Files below the folder that this process has open, as Linux names them: deleted ones end in " (deleted)". */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(root) ? [path.slice(root.length + 1)] : [];
    } catch {
      return []; // the one that the folder was read with
    }
  });
}

describe.skipIf(process.platform !== "linux")("files that are open (needs Linux)", () => {
  it("a lease's file is open under the name that it has", async () => {
    const lease = await Lease.acquire(join(root, "lease"), "the output");
    expect(openFiles()).toEqual(["lease"]);
    await lease.release();
    expect(await readdir(root)).toEqual([]);
  });

  it("a work folder loses its name, its files are closed, and only then are they deleted", async () => {
    const work = join(root, "work");
    await mkdir(work);
    const journal = await LockedJournal.open(work, "the output");
    expect(openFiles()).toContain("work/lease");
    const before: string[] = [];
    await removeFolder(work, async () => {
      expect(await exists(work)).toBe(false);
      before.push(...openFiles());
      await journal.close();
      expect(openFiles()).toEqual([]);
    });
    expect(before).toContain("work.done/journal.ndjson");
    expect(before.filter((name) => name.endsWith(" (deleted)"))).toEqual([]);
    expect(await readdir(root)).toEqual([]);
    await journal.close();
  });
});
