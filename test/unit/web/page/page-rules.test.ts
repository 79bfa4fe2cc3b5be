// Rules of the page that need no browser: changes of settings, parts of references, names that files give.
import { describe, expect, it } from "vitest";
import { withOwnPaths } from "../../../../src/ui/web/page/data/own-paths.js";
import { jobName } from "../../../../src/ui/web/page/data/job-name.js";
import { localeOf } from "../../../../src/ui/web/page/lib/locale.js";
import { failureText, failureTextAfter, sentence } from "../../../../src/ui/web/page/lib/sentence.js";
import { changesBetween, commonSettings, withChanges } from "../../../../src/ui/web/page/job/setting-changes.js";
import { countParts, partsByQuarter } from "../../../../src/ui/web/page/viewer/chosen-parts.js";

describe("settings of a page", () => {
  it("are sent as what has changed; what is left out is the chapter's again", () => {
    const before = { seed: 3, references: ["aaaaaaaa"], fill: "flat" as const };
    const after = { seed: 4, fill: "flat" as const };
    const changes = changesBetween(before, after);
    expect(changes).toEqual({ seed: 4, references: null });
    expect(withChanges(before, changes)).toEqual(after);
    expect(changesBetween(before, { ...before, references: ["aaaaaaaa"] })).toEqual({});
  });

  it("of several pages are those that all have, and no hints", () => {
    const hints = "strokes" as const;
    expect(
      commonSettings([
        { seed: 1, topK: 2, hints },
        { seed: 1, topK: 3 },
      ]),
    ).toEqual({ seed: 1 });
    expect(commonSettings([{ seed: 1, hints }])).toEqual({ seed: 1 });
    expect(commonSettings([])).toEqual({});
  });
});

describe("times", () => {
  const at = (locale: string): string =>
    new Date(2026, 1, 3, 14, 5).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });

  it("are written as the browser writes them, in the language of the page", () => {
    expect(localeOf("en", ["en-GB", "en"])).toBe("en-GB");
    expect(localeOf("ja", ["en-GB", "ja-JP"])).toBe("ja-JP");
    expect(at(localeOf("en", ["en-GB"]))).toBe("14:05");
    expect(at(localeOf("en", ["de-DE"]))).toBe("14:05");
    expect(at(localeOf("en", ["en-US"]))).toMatch(/^02:05\sPM$/);
  });
});

describe("parts of references", () => {
  const labels = ["a#b.png#0", "r.png#1", "r.png#2", "r.png#3", "a#b.png#4", "r.png#0", "r.png#1", "r.png#2"];

  it("are counted by reference, whose names may have a #", () => {
    expect(countParts(labels)).toEqual([
      { name: "r.png", parts: 6 },
      { name: "a#b.png", parts: 2 },
    ]);
  });

  it("belong to a quarter of the page each, where they do at all", () => {
    const quarters = partsByQuarter(labels)!;
    expect(quarters.map((parts) => parts.length)).toEqual([2, 2, 2, 2]);
    expect(quarters[2]).toEqual([
      { reference: "a#b.png", part: 4 },
      { reference: "r.png", part: 0 },
    ]);
    expect(partsByQuarter(labels, 2)).toBeUndefined();
    expect(partsByQuarter(labels.slice(1))).toBeUndefined();
    expect(partsByQuarter(["a#0", "b#0", "c#0", "d#0"]), "a model that takes references whole").toBeUndefined();
    expect(partsByQuarter([])).toBeUndefined();
  });
});

describe("names that files give to chapters", () => {
  it("are cut to what a name may have, by characters and not by halves of them", () => {
    expect(jobName("第一話")).toBe("第一話");
    expect([...jobName("👩".repeat(300))!]).toHaveLength(200);
    for (const unseen of ["", " ", "\u202E", "\u200B\u2066"]) expect(jobName(unseen)).toBeUndefined();
  });
});

describe("a message of the server", () => {
  it("is a sentence; a name at its front stays as it is", () => {
    expect(sentence("delete the chapter; its files go too")).toBe("Delete the chapter; its files go too.");
    expect(sentence("p1.png cannot be read.")).toBe("p1.png cannot be read.");
    expect(sentence("cobra-batch wrote it")).toBe("cobra-batch wrote it.");
    expect(sentence("もう一度お試しください。")).toBe("もう一度お試しください。");
  });
});

describe("why a picture failed", () => {
  it("is told in sentences with what to do, behind its name without naming it twice", () => {
    const failure = { stage: "scan", code: "ERR_IMAGE_DECODE", message: "p1.png cannot be decoded", remedy: "save it" };
    expect(failureText(failure as never)).toBe("p1.png cannot be decoded. Save it.");
    expect(failureTextAfter("p1.png", failure as never)).toBe(" cannot be decoded. Save it.");
    expect(failureTextAfter("p2.png", failure as never)).toBe(": p1.png cannot be decoded. Save it.");
  });
});

describe("files that are sent together", () => {
  it("keep their paths, and those of one path get numbers that no other has", () => {
    const paths = ["001.png", "001_1.png", "001.png", "a/x.png", "001.png", "b/x.png"];
    expect(withOwnPaths(paths.map((path) => ({ path }))).map(({ path }) => path)).toEqual([
      "001.png",
      "001_1.png",
      "001_2.png",
      "a/x.png",
      "001_3.png",
      "b/x.png",
    ]);
  });
});
