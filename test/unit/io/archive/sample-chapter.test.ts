/**
 * The committed sample chapter (drawn by `models/recipe`): what is in it, and that the classifier tells its pages from
 * its references.
 */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ImageClassifier } from "../../../../src/classification/image-classifier.js";
import { openPageSource } from "../../../../src/io/open-source.js";

const CHAPTER = fileURLToPath(new URL("../../../../scripts/sample/chapter.cbz", import.meta.url));

describe("the sample chapter", () => {
  it("holds five pages, three references and a ComicInfo.xml in under 1.5 MB", async () => {
    const source = await openPageSource(CHAPTER);
    expect(source.entries().map(({ name }) => name)).toEqual([
      "001.png",
      "002.png",
      "003.png",
      "004.png",
      "005.png",
      "ComicInfo.xml",
      "ref_a.png",
      "ref_b.png",
      "ref_c.png",
    ]);
    expect(source.faults).toEqual([]);
    expect((await stat(CHAPTER)).size).toBeLessThan(1_500_000);
    await source.close();
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
