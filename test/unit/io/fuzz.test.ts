/**
 * Random damage to archives and pictures: every outcome is a result or an error of the engine, never a crash, a hang or
 * another error.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { BatchProcessingError, ImageProcessingError } from "../../../src/errors.js";
import { decodeImage } from "../../../src/io/image/image-codec.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { sniffFormat } from "../../../src/io/image/headers/image-format.js";
import { goodZip } from "../../support/archives.js";
import { gradient, temporaryFolder } from "./image/pictures.js";

const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
  minLength: 1,
  maxLength: 6,
});
const cut = fc.option(fc.double({ min: 0.1, max: 1, noNaN: true }), { nil: 1, freq: 4 });

function damaged(bytes: Uint8Array, changes: readonly (readonly [number, number])[], share: number): Uint8Array {
  const copy = new Uint8Array(bytes).subarray(0, Math.ceil(bytes.byteLength * share));
  for (const [at, value] of changes) copy[Math.floor(at * copy.byteLength)] = value;
  return copy;
}

describe("damaged input", () => {
  it.each([true, false])("archives (compressed: %s)", async (compress) => {
    const path = join(await temporaryFolder(), "fuzz.cbz");
    const inner = await goodZip({ "1.png": "inner" });
    const good = await goodZip(
      { "1.png": "first page", "a/2.png": "second page", "inner.zip": inner, "ComicInfo.xml": "<x/>" },
      { compress },
    );
    let read = 0;
    await fc.assert(
      fc.asyncProperty(damage, cut, async (changes, share) => {
        await writeFile(path, damaged(good, changes, share));
        try {
          const source = await openPageSource(path);
          for (const { error } of source.faults) expect(error).toBeInstanceOf(BatchProcessingError);
          for (const entry of source.entries()) {
            const outcome = await entry.read().catch((error: unknown) => error);
            if (outcome instanceof Error) expect(outcome).toBeInstanceOf(BatchProcessingError);
            else read++;
          }
          await source.close();
        } catch (error) {
          if (!(error instanceof BatchProcessingError)) throw error;
        }
      }),
      { numRuns: 400 },
    );
    expect(read).toBeGreaterThan(100);
  });

  it.each(["png", "jpeg", "webp", "tiff", "gif", "avif"] as const)("%s pictures", async (format) => {
    const good = await sharp(gradient(48, 32), { raw: { width: 48, height: 32, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    await fc.assert(
      fc.asyncProperty(damage, cut, async (changes, share) => {
        const outcome = await decodeImage(damaged(good, changes, share), "fuzz", { maxPixels: 1_000_000 }).catch(
          (error: unknown) => error,
        );
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ImageProcessingError);
      }),
      { numRuns: format === "avif" ? 40 : 120 },
    );
  });

  it("any bytes get a description", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(sniffFormat(bytes).description.length).toBeGreaterThan(3);
      }),
    );
  });
});
