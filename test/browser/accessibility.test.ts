// Every view of the page against axe's rules: light, dark, on a phone, and there in Japanese too. The API is a double
// that has all states at once. Nothing is looked for by its text, which each language has its own.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, NO_CHROMIUM, openPage } from "../support/browser.js";
import { startPageDouble, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(`every view of the web page${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: PageDouble;
  const address = (name: string): Promise<string> => double.address(name);

  beforeAll(async () => {
    double = await startPageDouble();
    ({ browser } = double);
  });
  afterAll(() => double?.[Symbol.asyncDispose]());

  const states: readonly [string, () => Promise<string>, (page: Page) => Promise<unknown>][] = [
    ["the list of chapters", () => Promise.resolve(double.url), (page) => page.getByText("Paper Lanterns 4").waitFor()],
    ["a draft", () => address("Moonlit Harbour 12"), (page) => page.locator(".tile").first().waitFor()],
    ["a running chapter", () => address("Paper Lanterns 3"), (page) => page.locator(".tile").first().waitFor()],
    ["a preview", () => address("Glass Garden 1"), (page) => page.getByRole("slider").waitFor()],
    ["a preview of seeds", () => address("Glass Garden 2"), (page) => page.locator(".seed").nth(3).waitFor()],
    [
      "a finished chapter with failures",
      () => address("The Lighthouse Keeper 7"),
      (page) => page.getByRole("alert").first().waitFor(),
    ],
    [
      "a finished chapter as a table",
      () => address("The Lighthouse Keeper 7"),
      async (page) => {
        await page.locator(".results .segments").nth(1).locator("label").nth(1).click();
        await page.getByRole("row").nth(3).waitFor();
      },
    ],
    [
      "a page with its tools of painting",
      () => address("The Lighthouse Keeper 7"),
      async (page) => {
        await page.locator(".tile").first().click();
        await page.locator(".viewer-tools > .button:not(.bare)").click();
        await page.locator(".paint-tools").waitFor();
      },
    ],
    [
      "the tool for one page",
      async () => (await address("cover")).replace("#/jobs/", "#/one-page/"),
      (page) => page.getByRole("slider").waitFor(),
    ],
    [
      "a chapter that failed as a whole",
      () => address("Broken archive"),
      (page) => page.getByRole("alert").first().waitFor(),
    ],
    [
      "a dialog of settings",
      () => address("The Lighthouse Keeper 7"),
      async (page) => {
        await page.locator(".results .bar > .button").click();
        await page.locator(".tile").first().click();
        await page.locator(".selected-tools .button").click();
        await page.getByRole("dialog").waitFor();
      },
    ],
    [
      "a chapter that is gone",
      () => Promise.resolve(`${double.url}#/jobs/none`),
      (page) => page.locator("h1").waitFor(),
    ],
    [
      "one page, to begin with",
      () => Promise.resolve(`${double.url}#/one-page`),
      (page) => page.locator(".drop-zone").waitFor(),
    ],
    [
      "a dialog",
      () => address("Paper Lanterns 4"),
      async (page) => {
        await page.locator(".job-header-actions > .button").last().click();
        await page.getByRole("dialog").waitFor();
      },
    ],
  ];
  for (const [name, where, ready] of states) {
    for (const look of ["light", "dark", "phone", "phone in Japanese"] as const) {
      it(`${name} breaks no rule of axe (${look})`, async () => {
        const { context, page, faults } = await openPage(browser, {
          colorScheme: look === "dark" ? "dark" : "light",
          ...(look === "phone in Japanese" ? { locale: "ja-JP" } : {}),
          ...(look.startsWith("phone") ? { viewport: { width: 360, height: 740 }, hasTouch: true } : {}),
          reducedMotion: "reduce",
        });
        await page.goto(await where());
        await ready(page);
        expect(await axeViolations(page)).toEqual([]);
        const wider = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
        expect(wider, "the page is wider than its window").toBeLessThanOrEqual(0);
        expect(faults).toEqual([]);
        await context.close();
      });
    }
  }
});
