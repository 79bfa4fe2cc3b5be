// A long chapter under the hand: what a scrolled row costs, counted and not timed. Nothing but the tiles that enter is
// drawn, and nothing that is there changes.
import { join } from "node:path";
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, NO_CHROMIUM, openPage, startAddressed, type AddressedProcess } from "../support/browser.js";
// @ts-expect-error plain JS without declarations
import * as inPage from "./fixtures/in-page.mjs";

const DOUBLE = join(import.meta.dirname, "../support/api-double.mjs");
/** In the source of the function that draws a tile, and of no smaller one. */
const OF_A_TILE = "aria-posinset";
const ROWS = 10;

interface Changes {
  readonly added: number;
  readonly removed: number;
  /** What else has changed. */
  readonly other: readonly string[];
  readonly columns: number;
}

const { scrollRows, costlyStyles } = inPage as {
  scrollRows: (rows: number) => Promise<Changes>;
  costlyStyles: () => string[];
};

describe.skipIf(NO_CHROMIUM)(`scrolling 2,000 pages${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: AddressedProcess;
  let longest: string;

  beforeAll(async () => {
    [browser, double] = await Promise.all([launchBrowser(), startAddressed(process.execPath, [DOUBLE])]);
    const jobs = (await (await fetch(`${double.url}api/v1/jobs`)).json()) as {
      id: string;
      counts: { pages: number };
    }[];
    longest = jobs.find(({ counts }) => counts.pages >= 1900)!.id;
  });
  afterAll(async () => {
    await browser?.close();
    double?.child.kill();
  });

  it("draws the tiles that enter, once each, and touches no other", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(`${double.url}#/jobs/${longest}`);
    await page.locator(".tile img").first().waitFor();
    const session = await context.newCDPSession(page);
    await session.send("Profiler.enable");
    await page.evaluate("scrollTo({ top: 1500, behavior: 'instant' })");
    await page.waitForLoadState("networkidle");
    await session.send("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    await session.send("Profiler.takePreciseCoverage");

    const { added, removed, other, columns } = await page.evaluate(scrollRows, ROWS);
    const drawn = await callsOf(session, page, OF_A_TILE);
    expect(added).toBe(ROWS * columns);
    expect(removed).toBe(ROWS * columns);
    expect(other).toEqual([]);
    expect(drawn).toBe(ROWS * columns);
    await context.close();
  });

  it("draws the one tile again that is selected", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(`${double.url}#/jobs/${longest}`);
    const tiles = page.getByRole("listbox", { name: "Pages" }).getByRole("option");
    await tiles.nth(3).click();
    const session = await context.newCDPSession(page);
    await session.send("Profiler.enable");
    await session.send("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    await session.send("Profiler.takePreciseCoverage");
    await tiles.nth(5).click({ modifiers: ["Control"] });
    await page.getByText("2 selected").waitFor();
    // The one that is new, and the one that keys moved from before.
    expect(await callsOf(session, page, OF_A_TILE)).toBe(2);
    await context.close();
  });

  it("asks nothing of the compositor for each frame or picture", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(`${double.url}#/jobs/${longest}`);
    await page.locator(".tile img").first().waitFor();
    const costly = await page.evaluate(costlyStyles);
    expect(costly).toEqual([]);
    await context.close();
  });
});

/** How often the smallest function of the page's script that holds this text was called since it was last asked. */
async function callsOf(session: CDPSession, page: Page, text: string): Promise<number> {
  const { result } = await session.send("Profiler.takePreciseCoverage");
  let smallest: { readonly size: number; readonly count: number } | undefined;
  for (const { url, functions } of result) {
    if (!url.endsWith(".js")) continue;
    const source = await page.evaluate((address) => fetch(address).then((answer) => answer.text()), url);
    for (const { ranges } of functions) {
      const { startOffset, endOffset, count } = ranges[0]!;
      const size = endOffset - startOffset;
      if (source.slice(startOffset, endOffset).includes(text) && (smallest === undefined || size < smallest.size))
        smallest = { size, count };
    }
  }
  return smallest?.count ?? 0;
}
