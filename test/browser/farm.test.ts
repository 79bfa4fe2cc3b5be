// The page of a farm, against a double of the API: every state of its workers and chapters, by pointer and by keys.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, NO_CHROMIUM, openPage } from "../support/browser.js";
import { startPageDouble, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(`the page of a farm${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: PageDouble;

  beforeAll(async () => {
    double = await startPageDouble();
    ({ browser } = double);
    await fetch(`${double.url}api/v1/double/farm`);
  });
  afterAll(() => double?.[Symbol.asyncDispose]());

  async function farmPage(page: Page): Promise<void> {
    await page.goto(`${double.url}#/farm`);
    await page.getByText("render-05").waitFor();
  }

  for (const look of ["light", "dark", "phone"] as const)
    it(`breaks no rule of axe, and fits the screen (${look})`, async () => {
      const { context, page, faults } = await openPage(browser, {
        colorScheme: look === "dark" ? "dark" : "light",
        ...(look === "phone" ? { viewport: { width: 360, height: 740 } } : {}),
      });
      await farmPage(page);
      expect(await axeViolations(page)).toEqual([]);
      const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
      expect(overflow).toBeLessThanOrEqual(0);
      expect(faults).toEqual([]);
      await context.close();
    });

  it("drains a worker by keys alone, cancels, retries and orders chapters, and pauses the farm", async () => {
    const { context, page, faults } = await openPage(browser);
    await farmPage(page);
    const card = page.getByRole("listitem", { name: "render-01-9f2c11" });
    await card.getByRole("button", { name: "Drain" }).focus();
    await page.keyboard.press("Enter");
    await card.getByText("Draining").waitFor();
    await page.keyboard.press("Enter"); // the focus is where it was
    await card.getByText("Working", { exact: true }).waitFor();
    const priority = page.getByLabel("Priority of Nightly Ferry 3.cbz");
    await priority.fill("9");
    await priority.press("Enter");
    await priority.fill("-1");
    await priority.press("Enter");
    await expect.poll(() => priority.inputValue()).toBe("9");
    await page.getByText("1 of 31 pages failed", { exact: false }).waitFor();
    await page.getByRole("button", { name: "Retry failed pages" }).click();
    await page.getByText("1 of 31 pages failed", { exact: false }).waitFor({ state: "detached" });
    const row = page.getByRole("listitem").filter({ hasText: "Nightly Ferry 3" });
    await row.getByRole("button", { name: "Pause" }).click();
    await row.getByText("Paused", { exact: true }).waitFor();
    await row.getByRole("button", { name: "Resume" }).click();
    await row.getByText("Waiting", { exact: true }).waitFor();
    await row.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await row.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Pause all workers" }).click();
    await page.getByText("Paused: workers take no pages").waitFor();
    await page.getByRole("button", { name: "Resume all workers" }).click();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("greys what a farm cannot do, and says on every view that its queue is away", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("The Lighthouse Keeper 7"));
    await page.locator(".tile").first().click();
    expect(await page.getByRole("radio", { name: "Lines" }).isDisabled()).toBe(true);
    await page.goto(double.url);
    await page.getByRole("link", { name: "Farm" }).waitFor();
    await fetch(`${double.url}api/v1/double/farm-lost`);
    await page.getByText("The farm's queue does not answer", { exact: false }).waitFor();
    await page.getByRole("link", { name: "Farm" }).click();
    expect(await page.getByRole("button", { name: "Pause all workers" }).isDisabled()).toBe(true);
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });
});
