/** The committed sample chapter: the script draws it again to the pixel, and the classifier tells its pages from its references. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ImageClassifier } from "../../../src/classification/image-classifier.js";
import { decodeImage } from "../../../src/io/image-codec.js";
import { openPageSource } from "../../../src/io/page-source.js";
import { temporaryFolder } from "./pictures.js";

const SAMPLE = fileURLToPath(new URL("../../../scripts/sample/", import.meta.url));
const CHAPTER = join(SAMPLE, "chapter.cbz");

async function pixelHashes(path: string): Promise<Record<string, string>> {
  const source = await openPageSource(path);
  const hashes: Record<string, string> = {};
  for (const entry of source.entries()) {
    const bytes = await entry.read();
    const content = entry.kind === "image" ? (await decodeImage(bytes, entry.name)).image.data : bytes;
    hashes[entry.name] = createHash("sha256").update(content).digest("hex");
  }
  await source.close();
  return hashes;
}

describe("the sample chapter", () => {
  it("holds five pages, three references and a ComicInfo.xml in under 600 KB", async () => {
    const source = await openPageSource(CHAPTER);
    expect(source.entries().map(({ name }) => name)).toEqual(["001.png", "002.png", "003.png", "004.png", "005.png", "ComicInfo.xml", "ref_a.png", "ref_b.png", "ref_c.png"]);
    expect(source.faults).toEqual([]);
    expect((await stat(CHAPTER)).size).toBeLessThan(600_000);
    await source.close();
  });

  it("is drawn again by its script, pixel for pixel", async () => {
    const out = join(await temporaryFolder(), "again.cbz");
    const drawn = spawnSync(process.execPath, [join(SAMPLE, "draw.mjs"), "--out", out], { encoding: "utf8" });
    expect(drawn.stderr).toBe("");
    expect(await pixelHashes(out)).toEqual(await pixelHashes(CHAPTER));
  });

  it("is told apart by the classifier: pages are line art, references are coloured", async () => {
    const source = await openPageSource(CHAPTER);
    const classifier = new ImageClassifier();
    for (const entry of source.entries().filter(({ kind }) => kind === "image")) {
      const { type, metrics } = await classifier.classify(await entry.read(), entry.name);
      expect([entry.name, type]).toEqual([entry.name, entry.name.startsWith("ref") ? "colored" : "line_art"]);
      if (type === "colored") expect(metrics.saturation).toBeGreaterThan(0.25);
      else expect(metrics.saturation).toBe(0);
    }
    await source.close();
  });
});
