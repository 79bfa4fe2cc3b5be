/** Results in an archive sort as the pages did, for every program that may show them; and names fit every system. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FreeNames } from "../../../../src/io/names/free-names.js";
import { compareNatural } from "../../../../src/io/names/natural-order.js";
import { differBySuffix, numberedName, planOutputNames } from "../../../../src/io/names/output-names.js";
import { fitLabel, nameKey, portableName } from "../../../../src/io/names/portable-names.js";

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const byCollation = new Intl.Collator("en", { numeric: true }).compare;
const ORDERS = { natural: compareNatural, bytes: byBytes, collation: byCollation };

/** Whether names sort as the pages they are of, in every order. */
function sortAlike(pages: readonly string[], names: readonly string[]): boolean {
  return Object.values(ORDERS).every((compare) => {
    const ofPages = pages.map((_, i) => i).sort((a, b) => compare(pages[a]!, pages[b]!));
    const ofNames = pages.map((_, i) => i).sort((a, b) => compare(names[a]!, names[b]!));
    return ofPages.every((index, i) => index === ofNames[i]);
  });
}

/** What stands behind a page's number in real chapters; each page is a prefix of others. */
const TAILS = [
  "",
  "-011",
  "_2",
  "a",
  "A",
  "b",
  " ",
  " 2",
  ".5",
  "-",
  "_",
  "(2)",
  " (2)",
  "+",
  "~",
  "!",
  "#",
  ",x",
  "'",
  "p1",
  "é",
  "頁",
  "0",
];

describe("names in an archive", () => {
  it("are the pages' own where `_colorized` would change the order, as with 010, 010-011, 010_2, 011", async () => {
    const pages = ["010.png", "010-011.png", "010_2.png", "011.png"];
    expect(await planOutputNames(pages, { archive: true })).toEqual(pages);
    expect(await planOutputNames(pages)).toEqual(pages.map((name) => name.replace(".png", "_colorized.png")));
  });

  it("have `_colorized` where the order stays, as in most chapters", async () => {
    const pages = ["cover.jpg", "001.png", "002.png", "010.png", "a/001.png"];
    expect(await planOutputNames(pages, { archive: true })).toEqual(await planOutputNames(pages));
    expect(sortAlike(pages, await planOutputNames(pages))).toBe(true);
  });

  it("sort as the pages for all pairs of prefixes", async () => {
    let renamed = 0;
    const wrong: unknown[] = [];
    for (const first of TAILS) {
      for (const second of TAILS) {
        if (first === second) continue;
        for (const stem of ["010", "p", "ch1/010"]) {
          const pages = [`${stem}${first}.png`, `${stem}${second}.png`, "cover.jpg", `${stem}9.png`];
          if (new Set(pages.map(nameKey)).size < 4) continue;
          const names = await planOutputNames(pages, { archive: true });
          if (!sortAlike(pages, names)) wrong.push([pages, names]);
          if (names[0] !== pages[0]) renamed++;
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(renamed).toBeGreaterThan(50);
  });

  it("sort as the pages for any names, and as well where some pictures stay as they are", async () => {
    const label = fc.stringMatching(/^[0-3ab_\- ]{1,5}$/u).filter((text) => !/[. ]$/u.test(text));
    const pages = fc.uniqueArray(
      label.map((text) => `${text}.png`),
      { selector: nameKey, minLength: 2, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(pages, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), async (names, kept) => {
        const planned = await planOutputNames(names, { archive: true });
        const shown = planned.map((name, i) => (kept[i]! ? names[i]! : name));
        expect(sortAlike(names, shown)).toBe(true);
      }),
      { numRuns: 300, seed: 20 },
    );
  });

  it("of results in another format leave the names of other pictures alone", async () => {
    const pages = ["1.gif", "1.png", "1_2.png", "1-2.png"];
    const names = await planOutputNames(pages, { archive: true });
    expect(names[1]).toBe("1.png");
    expect(new Set([...names, "1.png", "1_2.png", "1-2.png"].map(nameKey)).size).toBe(4);
    const asPng = await planOutputNames([...pages, "2.webp"], { archive: true, format: "png" });
    expect(asPng[4]).toMatch(/^2(?:_colorized)?\.png$/u);
  });
});

describe("names of earlier versions", () => {
  it("are known by `_colorized` alone", () => {
    expect(differBySuffix("a/010_colorized.png", "a/010.png")).toBe(true);
    expect(differBySuffix("a/010.png", "a/010_colorized.png")).toBe(true);
    expect(["a/010.png", "010.png", "a/010.jpg", "a/011.png"].map((name) => differBySuffix("a/010.png", name))).toEqual(
      [false, false, false, false],
    );
  });
});

describe("names of results", () => {
  it("follow the content where the name promises no picture", async () => {
    expect(
      await planOutputNames([
        { name: "002", format: "jpeg" },
        { name: "0.image.png257861582", format: "png" },
        { name: "1.image.png?w=800", format: "webp" },
        { name: "page.txt", format: "png" },
        { name: "Vol. 3", format: "tiff" },
        { name: "Vol. 4", format: "gif" },
        { name: "named.jpg", format: "png" },
      ]),
    ).toEqual([
      "002_colorized.jpg",
      "0.image.png257861582_colorized.png",
      "1.image.png_w=800_colorized.webp",
      "page_colorized.png",
      "Vol. 3_colorized.tif",
      "Vol. 4_colorized.png",
      "named_colorized.jpg",
    ]);
  });

  it("fit into 255 bytes in each of their parts, cut in the middle so that the page's number stays", async () => {
    const title = "あ".repeat(90);
    const [first, second] = await planOutputNames([`${title}/${title} 001.png`, `${title}/${title} 002.png`]);
    for (const name of [first!, second!]) {
      for (const part of name.split("/")) expect(Buffer.byteLength(part)).toBeLessThan(255);
    }
    expect(first).toMatch(/ 001_colorized\.png$/u);
    expect(second).toMatch(/ 002_colorized\.png$/u);
    expect(fitLabel("é".repeat(4), "", 7)).toBe("éé~é");
    expect(Buffer.byteLength(fitLabel("頁".repeat(200), "_layers"))).toBeLessThanOrEqual(240);
  });

  it("have no characters that mean something in a path somewhere", () => {
    expect(portableName('a\\b/C:x|y?"<>*.png')).toBe("a_b/C_x_y_____.png");
    expect(portableName("ends. /in dots...")).toBe("ends__/in dots___");
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab./\\:*?"<>| \u0000\u202eé頁𝒳'), maxLength: 120 }), (text) => {
        const name = portableName(text);
        expect(portableName(name)).toBe(name);
        expect(name.split("/").every((part) => Buffer.byteLength(part) <= 240)).toBe(true);
        // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
        expect(name).not.toMatch(/[\u0000-\u001f\\<>:"|?*]/u);
      }),
      { numRuns: 50, seed: 21 },
    );
  });
});

describe("free names", () => {
  it("are given in constant time however many want the same one", () => {
    const free = new FreeNames({ key: nameKey, numbered: numberedName });
    const started = process.cpuUsage();
    for (let i = 0; i < 49_000; i++) free.take("001.png");
    for (let i = 0; i < 49_000; i++) free.take(i % 2 === 0 ? "A.png" : "a.png");
    expect(free.take("001.png")).toBe("001_49000.png");
    // the names before took 10^9 steps for this; nothing is measured but that it is not so
    expect(process.cpuUsage(started).user).toBeLessThan(30e6);
  });

  it("are no folder's, and their alternatives none that somebody asks for later", () => {
    const free = new FreeNames({ numbered: numberedName });
    free.reserveFolders("a/b/c.png");
    expect([free.take("a/b"), free.take("a"), free.take("a_1"), free.take("x"), free.take("x")]).toEqual([
      "a/b_1",
      "a_1",
      "a_1_1",
      "x",
      "x_1",
    ]);
  });
});
