// Public archives and pictures of other projects' test suites, where their packages are installed (Debian:
// golang-1.19-src, libpython3.11-testsuite, afl++-doc), or unpacked below the folder that COBRA_CORPORA names. Each
// gives pages or an error of the engine.
import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { BatchProcessingError, ImageProcessingError } from "../../src/errors.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { openPageSource } from "../../src/io/open-source.js";

const ROOT = process.env["COBRA_CORPORA"] ?? "/";
const GO = join(ROOT, "usr/share/go-1.19/src");
const FOLDERS = [
  join(GO, "archive/zip/testdata"),
  join(GO, "image/png/testdata"),
  join(GO, "image/testdata"),
  join(ROOT, "usr/lib/python3.11/test"),
  join(ROOT, "usr/share/doc/afl++-doc"),
].filter((folder) => existsSync(folder));
const files = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
).filter((path) => statSync(path).isFile());
const archives = files.filter((path) => path.endsWith(".zip"));
const pictures = files.filter((path) => /\.(?:png|jpe?g|gif|tiff?|webp)$/u.test(path));

describe.skipIf(archives.length === 0 || pictures.length === 0)(
  "corpora (skipped: install golang-1.19-src, libpython3.11-testsuite, afl++-doc, or name their root in COBRA_CORPORA)",
  () => {
    it.each(archives.map((path) => [basename(path), path]))("archive %s", async (_name, path) => {
      try {
        const source = await openPageSource(path);
        try {
          for (const { error } of source.faults) expect(error).toBeInstanceOf(BatchProcessingError);
          for (const entry of source.entries()) {
            const outcome = await entry.read().catch((error: unknown) => error);
            if (outcome instanceof Error) expect(outcome).toBeInstanceOf(BatchProcessingError);
            else expect((outcome as Uint8Array).byteLength).toBe(entry.sizeBytes);
          }
        } finally {
          await source.close();
        }
      } catch (error) {
        if (!(error instanceof BatchProcessingError)) throw error;
        expect(["ERR_INPUT_EMPTY", "ERR_ZIP_FORMAT", "ERR_ZIP_LIMIT"]).toContain(error.code);
      }
    });

    it.each(pictures.map((path) => [basename(path), path]))("picture %s", async (_name, path) => {
      const outcome = await decodeImage(await readFile(path), path).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ImageProcessingError);
      else expect(outcome).toMatchObject({ image: { channels: 3 } });
    });

    it("most of their good pictures are read", async () => {
      const read = await Promise.all(
        pictures.map(async (path) =>
          decodeImage(await readFile(path), path).then(
            () => 1,
            () => 0,
          ),
        ),
      );
      expect(read.reduce<number>((sum, one) => sum + one, 0)).toBeGreaterThan(pictures.length * 0.7);
    });
  },
);
