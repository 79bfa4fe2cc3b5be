// The list of chapters and the connection that keeps it, on the page alone against a double of the API.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_CHROMIUM, openPage } from "../support/browser.js";
import { startPageDouble, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(`the list of chapters${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: PageDouble;

  beforeAll(async () => {
    double = await startPageDouble();
    ({ browser } = double);
  });
  afterAll(() => double?.[Symbol.asyncDispose]());

  it("reorders what waits", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(double.url);
    const row = page.getByRole("listitem").filter({ hasText: "Night Train" }).first();
    await row.getByRole("button", { name: "Move up in the queue" }).click();
    await expect
      .poll(async () => (await double.jobs()).find((job) => job.name === "Night Train"))
      .toMatchObject({ position: 1 });
    await context.close();
  });

  it("leaves connections to the tab that is seen, with more tabs open than a browser has connections", async () => {
    const { context, page: first } = await openPage(browser);
    const see = (page: Page, state: "hidden" | "visible"): Promise<unknown> =>
      page.evaluate(`
        Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${state}" });
        document.dispatchEvent(new Event("visibilitychange"));
      `);
    await first.goto(double.url);
    await first.getByText("Paper Lanterns 4").waitFor();
    await see(first, "hidden");
    for (let tab = 0; tab < 7; tab++) {
      const page = await context.newPage();
      await page.goto(double.url);
      await page.getByText("Paper Lanterns 4").waitFor();
      await see(page, "hidden");
    }
    // Seen again, a tab has what happened in the meantime.
    const name = "Told to those that look";
    const { id } = (await double.jobs()).find((job) => job.name === "Night Train")!;
    const rename = (to: string): Promise<Response> =>
      fetch(`${double.url}api/v1/jobs/${id}`, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: to }),
      });
    await rename(name);
    await see(first, "visible");
    await first.getByText(name, { exact: true }).waitFor();
    await rename("Night Train");
    await first.getByText("Night Train", { exact: true }).waitFor();
    await context.close();
  });

  it("says that the connection is lost, and goes on by itself", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(await double.address("Paper Lanterns 3"));
    await page.locator(".tile").first().waitFor();
    await fetch(`${double.url}api/v1/double/stall`);
    await page.getByText("The connection to the server is lost").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("alert").filter({ hasText: "could not be reached" }).waitFor();
    await fetch(`${double.url}api/v1/double/back`);
    await page.getByText("The connection to the server is lost").waitFor({ state: "detached" });
    await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await context.close();
  });

  it("speaks Japanese, and remembers it", async () => {
    const { context, page } = await openPage(browser, { locale: "ja-JP" });
    await page.goto(double.url);
    await page.getByRole("heading", { name: "チャプター" }).waitFor();
    await expect.poll(() => page.evaluate("document.documentElement.lang")).toBe("ja");
    await page.getByRole("combobox").nth(1).selectOption("en");
    await page.reload();
    await page.getByRole("heading", { name: "Chapters" }).waitFor();
    await context.close();
  });
});
