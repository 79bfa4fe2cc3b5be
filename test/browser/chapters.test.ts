// What people do with chapters at the page, against a double of the API: choosing a seed, cancelling what waits,
// reloading in every state, two tabs at once, references for a chapter that has begun.
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, launchBrowser, NO_CHROMIUM, openPage, startAddressed } from "../support/browser.js";
import type { AddressedProcess } from "../support/browser.js";
import { colourPage } from "../support/chapter.js";

const DOUBLE = join(import.meta.dirname, "../support/api-double.mjs");

interface DoubleJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

describe.skipIf(NO_CHROMIUM)(`chapters at the page${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: AddressedProcess;
  const jobs = async (): Promise<DoubleJob[]> =>
    (await fetch(`${double.url}api/v1/jobs`)).json() as Promise<DoubleJob[]>;
  const address = async (name: string): Promise<string> =>
    `${double.url}#/jobs/${(await jobs()).find((job) => job.name === name)!.id}`;
  /** What is sent to one action of a job, which is then left undone. */
  const sent = async (page: Page, action: string, doing: () => Promise<unknown>): Promise<unknown> => {
    await page.route(`**/${action}`, (route) => route.abort());
    const request = page.waitForRequest((one) => one.url().endsWith(`/${action}`));
    await doing();
    const body = JSON.parse((await request).postData() ?? "{}") as unknown;
    await page.unroute(`**/${action}`);
    return body;
  };

  beforeAll(async () => {
    [browser, double] = await Promise.all([launchBrowser(), startAddressed(process.execPath, [DOUBLE])]);
  });
  afterAll(async () => {
    await browser?.close();
    double?.child.kill();
  });

  it("approve the seed that was chosen, and none before", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(await address("Glass Garden 2"));
    const seeds = page.getByRole("region", { name: "Preview" }).getByRole("radio");
    await seeds.nth(5).waitFor();
    await expect.poll(() => seeds.count()).toBe(6);
    const all = page.getByRole("button", { name: "Approve and colour all" });
    expect(await sent(page, "approve", () => all.click())).toEqual({});
    await seeds.nth(0).focus();
    for (let seed = 0; seed < 3; seed++) await page.keyboard.press("ArrowDown");
    const chosen = page.getByRole("button", { name: "Approve seed 3" });
    expect(await sent(page, "approve", () => chosen.click())).toEqual({ seed: 3 });
    await context.close();
  });

  it("cancel only what waits, or everything, when asked", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(await address("Paper Lanterns 3"));
    const cancelled = async (which: string): Promise<unknown> => {
      await page.getByRole("button", { name: "Cancel", exact: true }).click();
      return sent(page, "cancel", () => page.getByRole("button", { name: which }).click());
    };
    expect(await cancelled("Cancel only waiting pages")).toEqual({ waitingOnly: true });
    expect(await cancelled("Cancel everything")).toEqual({ waitingOnly: false });
    // Nothing is done by leaving the question.
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect((await jobs()).find(({ name }) => name === "Paper Lanterns 3")).toMatchObject({ state: "running" });
    await context.close();
  });

  it("are the same after a reload, in every state", async () => {
    const { context, page, faults } = await openPage(browser);
    const seen = new Set<string>();
    for (const { id, state } of await jobs()) {
      if (seen.has(state)) continue;
      seen.add(state);
      await page.goto(`${double.url}#/jobs/${id}`);
      const names = async (): Promise<string[]> => {
        await page.locator(".job-header h1").waitFor();
        await page.waitForLoadState("networkidle").catch(() => undefined);
        await page.locator(".busy").first().waitFor({ state: "detached" });
        return page
          .locator("main button, main a, main h1, main h2")
          .evaluateAll((elements) =>
            elements.filter((one) => one.closest(".now") === null).map((one) => one.textContent.trim()),
          );
      };
      const before = await names();
      await page.reload();
      await expect.poll(names, { message: state }).toEqual(before);
    }
    expect([...seen]).toEqual(
      expect.arrayContaining(["draft", "queued", "running", "preview", "completed", "failed", "cancelled"]),
    );
    expect(faults).toEqual([]);
    await context.close();
  });

  it("are the same in two tabs", async () => {
    const one = await openPage(browser);
    const other = { page: await one.context.newPage() };
    const place = await address("Paper Lanterns 3");
    await one.page.goto(place);
    await other.page.goto(place);
    await other.page.locator(".tile").first().waitFor();
    await one.page.getByRole("button", { name: "Pause" }).click();
    await other.page.getByRole("button", { name: "Resume" }).waitFor();
    await other.page.getByRole("button", { name: "Resume" }).click();
    await one.page.getByRole("button", { name: "Pause" }).waitFor();
    const name = one.page.getByRole("textbox", { name: "Name of the chapter" });
    await name.fill("Lanterns of paper");
    await name.press("Enter");
    await expect.poll(() => other.page.title()).toMatch(/^Lanterns of paper/u);
    // What one tab types, another does not take away.
    const typed = other.page.getByRole("textbox", { name: "Name of the chapter" });
    await typed.fill("Half a na");
    await name.fill("Paper Lanterns 3");
    await name.press("Enter");
    await expect.poll(() => other.page.title()).toMatch(/^Paper Lanterns 3/u);
    await expect.poll(() => typed.inputValue()).toBe("Half a na");
    await one.context.close();
  });

  it("that have begun take more references", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await address("The Lighthouse Keeper 7"));
    const references = page.getByRole("region", { name: "References" });
    const heading = references.getByRole("heading", { name: /^References \d+/ });
    await heading.waitFor();
    const count = Number(/\d+/.exec(await heading.innerText())![0]);
    await references
      .locator("input[type=file]")
      .setInputFiles([{ name: "poster.jpg", mimeType: "image/jpeg", buffer: await colourPage(3) }]);
    await references.getByRole("heading", { name: `References ${count + 1}` }).waitFor();
    await references.getByRole("link", { name: "poster.jpg" }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });
});
