// A chapter that has begun, on the page alone against a double of the API: failures, filters, names, one page's keys.
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, NO_CHROMIUM, openPage } from "../support/browser.js";
import { startPageDouble, type DoubleJob, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(`a chapter that has begun${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: PageDouble;

  beforeAll(async () => {
    double = await startPageDouble();
    ({ browser } = double);
  });
  afterAll(() => double?.[Symbol.asyncDispose]());

  it("takes keys at a page as soon as it is open, and from its bar", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("The Lighthouse Keeper 7"));
    await page.locator(".tile").first().click();
    await page.getByRole("group", { name: "Page 001.png" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("group", { name: "Page 002.png" }).waitFor();
    await page.keyboard.press("1");
    await page.getByRole("button", { name: "100 %" }).waitFor();
    await page.getByRole("button", { name: /^Fit/ }).click();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("group", { name: "Page 001.png" }).waitFor();
    // A reload opens the page too.
    await page.reload();
    await page.getByRole("group", { name: "Page 001.png" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("group", { name: "Page 002.png" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { name: "The Lighthouse Keeper 7" }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("tries one failed page again alone", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(await double.address("The Lighthouse Keeper 7"));
    const retry = page.getByRole("alert").getByRole("button", { name: "Try again" });
    await retry.first().waitFor();
    await page.route("**/retry", (route) => route.abort()); // other tests need the chapter as it is
    const sent = page.waitForRequest((request) => request.url().endsWith("/retry"));
    await retry.first().click();
    const { ids } = JSON.parse((await sent).postData()!) as { ids: string[] };
    expect(ids).toHaveLength(1);
    await context.close();
  });

  it("says in the table why a page failed and what to do, in sentences", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("The Lighthouse Keeper 7"));
    await page.getByText("Table", { exact: true }).click();
    const row = page
      .getByRole("table", { name: "Pages" })
      .getByRole("row", { name: /Failed/ })
      .first();
    await row.getByText("Add a coloured picture of the same characters").waitFor();
    await expect.poll(() => row.innerText()).not.toMatch(/ERR_/);
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("shows results of a chapter that has begun and waits again, and what could not be read", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.route("**/api/v1/jobs", async (route) => {
      const answer = (await (await route.fetch()).json()) as DoubleJob[];
      const begun = answer.map((job) => ({
        ...job,
        state: "queued",
        position: 0,
        startedAt: "2026-01-01T00:00:00.000Z",
      }));
      await route.fulfill({
        json: begun.map((job) => (job.name === "Moonlit Harbour 12" ? job : answer.find(({ id }) => id === job.id))),
      });
    });
    await page.goto(await double.address("Moonlit Harbour 12"));
    await page.getByRole("region", { name: "Pages" }).getByRole("listbox").waitFor();
    await expect.poll(() => page.getByRole("combobox", { name: "Style" }).count()).toBe(0);
    await page.getByText("broken.png", { exact: false }).first().waitFor();
    await page.getByText("Export the picture again and upload it anew.").waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("cuts long names of pages in progress, and is never wider than a phone", async () => {
    const { context, page } = await openPage(browser, { viewport: { width: 360, height: 740 } });
    await page.route("**/pictures", async (route) => {
      const answer = (await (await route.fetch()).json()) as { name: string }[];
      await route.fulfill({ json: answer.map((one) => ({ ...one, name: `${"very_long_".repeat(12)}${one.name}` })) });
    });
    await page.goto(await double.address("Paper Lanterns 3"));
    await page.getByRole("list", { name: "In progress now" }).waitFor();
    const width = await page.evaluate<number>("document.documentElement.scrollWidth");
    expect(width).toBeLessThanOrEqual(360);
    await context.close();
  });

  it("asks of a paused chapter only whether to cancel it, of a running one what of its pages", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("Paper Lanterns 5"));
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    const cancel = page.getByRole("button", { name: "Cancel", exact: true });
    await cancel.click();
    await page.getByRole("dialog").getByText("Finished pages are kept.", { exact: true }).waitFor();
    await expect.poll(() => page.getByRole("button", { name: "Cancel only waiting pages" }).count()).toBe(0);
    await page.keyboard.press("Escape");
    await expect.poll(() => cancel.evaluate((button) => button === button.ownerDocument.activeElement)).toBe(true);
    await page.goto(await double.address("Paper Lanterns 3"));
    await cancel.click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel only waiting pages" }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("keeps the selection when pages are not done again after all, and the focus either way", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("The Lighthouse Keeper 7"));
    await page.route("**/redo", (route) => route.fulfill({ status: 204 })); // other tests need the chapter as it is
    await page.getByRole("button", { name: "Select" }).click();
    const grid = page.getByRole("listbox", { name: "Pages" });
    for (const name of [/^001\.png/, /^002\.png/]) await grid.getByRole("option", { name }).click();
    const again = page.getByRole("button", { name: "Colour again" });
    const dialog = page.getByRole("dialog", { name: "Colour 2 pages again" });
    const hasFocus = (on: Locator): Promise<boolean> =>
      on.evaluate((element) => element === element.ownerDocument.activeElement);
    await again.click();
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.getByText("2 selected").waitFor();
    await expect.poll(() => hasFocus(again)).toBe(true);
    await page.keyboard.press("Enter");
    await dialog.getByRole("button", { name: "Colour again" }).click();
    await dialog.waitFor({ state: "detached" });
    await expect.poll(() => hasFocus(grid)).toBe(true);
    expect(faults).toEqual([]);
    await context.close();
  });
});
