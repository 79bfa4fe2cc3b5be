// A chapter that is put together, on the page alone against a double of the API: 2,000 pages, sorting by keys, pointer
// and drag, settings.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_CHROMIUM, openPage } from "../support/browser.js";
import { startPageDouble, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(`a draft${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: PageDouble;

  beforeAll(async () => {
    double = await startPageDouble();
    ({ browser } = double);
  });
  afterAll(() => double?.[Symbol.asyncDispose]());

  it("draws a screenful of 2,000 pages, at the top and at the end", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("Moonlit Harbour, all volumes"));
    await page.getByRole("option", { name: /001\.png/ }).waitFor();
    const options = page.getByRole("listbox", { name: "Pages" }).getByRole("option");
    await expect.poll(() => options.count()).toBeLessThan(150);
    await page.getByRole("listbox", { name: "Pages" }).focus();
    await page.keyboard.press("End");
    await page.getByRole("option", { name: /2000\.png/ }).waitFor();
    await expect.poll(() => options.count()).toBeLessThan(150);
    const last = page.getByRole("option", { name: /2000\.png/ });
    await expect.poll(() => last.getAttribute("aria-posinset")).toBe("2000");
    await expect.poll(() => last.getAttribute("aria-setsize")).toBe("2000");
    await expect.poll(() => last.getAttribute("aria-selected")).toBe("true");
    expect(faults).toEqual([]);
    await context.close();
  });

  it("keeps what begins a chapter in sight, whatever the window's width and however many pages there are", async () => {
    for (const [width, height] of [
      [390, 844],
      [860, 900],
      [1440, 900],
    ] as const) {
      const { context, page } = await openPage(browser, { viewport: { width, height } });
      await page.goto(await double.address("Moonlit Harbour, all volumes"));
      const start = page.getByRole("button", { name: /^Colour [\d,.]+ pages/ });
      for (const place of [0, 4000]) {
        await page.evaluate(`scrollTo(0, ${place})`);
        const { y, height: tall } = (await start.boundingBox())!;
        expect(y, `${width} pixels wide, scrolled to ${place}`).toBeGreaterThan(0);
        expect(y + tall, `${width} pixels wide, scrolled to ${place}`).toBeLessThanOrEqual(height);
      }
      await context.close();
    }
  });

  it("sorts by keys alone, and by drag", async () => {
    const { context, page } = await openPage(browser, { viewport: { width: 1280, height: 860 } });
    await page.goto(await double.address("Moonlit Harbour 12"));
    const pages = page.getByRole("listbox", { name: "Pages" });
    const references = page.getByRole("listbox", { name: "References" });
    await pages.getByRole("option").first().waitFor();
    await expect
      .poll(() => pages.getByRole("option").first().innerText(), { message: "unsure ones come first" })
      .toMatch(/^007\.png[^]*please check/);
    await pages.focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("r");
    await page.getByRole("heading", { name: "References 6" }).waitFor();
    await page.keyboard.press("Home");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowRight");
    await page.getByText("3 selected").waitFor();
    await page.keyboard.press("Control+a");
    await page.getByText("21 selected").waitFor();
    await page.keyboard.press("Escape");
    await references.focus();
    await page.keyboard.press("End");
    // The pages begin above the window: at its edge it scrolls, and the tile that is dragged stays.
    await references.getByRole("option", { name: /007\.png/ }).hover();
    await page.mouse.down();
    await page.mouse.move(640, 400, { steps: 3 });
    const heading = page.getByRole("heading", { name: /^Pages/ });
    await expect.poll(async () => (await heading.boundingBox())!.y).toBeLessThan(0);
    await page.mouse.move(640, 8, { steps: 3 });
    await expect
      .poll(async () => {
        await page.mouse.move(640, 9);
        await page.mouse.move(640, 8);
        return (await heading.boundingBox())!.y;
      })
      .toBeGreaterThan(0);
    // Away from the edge nothing scrolls any more, and the gallery lies below its heading.
    // A drop takes where the browser last told of the drag: not before the gallery shows that it would take the tile.
    const gallery = page.getByRole("region", { name: "Pages" });
    await expect
      .poll(async () => {
        await page.mouse.move(640, 401);
        await page.mouse.move(640, 400);
        return gallery.getAttribute("class");
      })
      .toContain("over");
    await page.mouse.up();
    await page.getByRole("heading", { name: "Pages 22" }).waitFor();
    await context.close();
  });

  it("selects the best N, and with shift and ctrl", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(await double.address("Moonlit Harbour 12"));
    const section = page.getByRole("region", { name: "References" });
    await section.getByRole("option").first().waitFor();
    await section.getByRole("spinbutton").fill("2");
    await section.getByRole("button", { name: "Best" }).click();
    await section.getByText("2 selected").waitFor();
    const options = section.getByRole("option");
    await options.nth(0).click();
    await options.nth(3).click({ modifiers: ["Shift"] });
    await section.getByText("4 selected").waitFor();
    await options.nth(1).click({ modifiers: ["Control"] });
    await section.getByText("3 selected").waitFor();
    await section.getByRole("button", { name: "None" }).click();
    await expect.poll(() => section.getByText("selected").count()).toBe(0);
    await context.close();
  });

  it("says what the model takes no notice of, and lets nobody set it", async () => {
    const { context, page } = await openPage(browser);
    await page.goto(await double.address("Moonlit Harbour 12"));
    const seed = page.getByRole("spinbutton", { name: "Seed" });
    await expect.poll(() => seed.isDisabled()).toBe(true);
    await page.getByText("No effect: this model gives the same picture for every seed.").waitFor();
    await page.getByRole("combobox", { name: "Ink" }).selectOption("model");
    await expect
      .poll(async () => (await double.jobs()).find((job) => job.name === "Moonlit Harbour 12"))
      .toMatchObject({
        settings: { ink: "model" },
      });
    await context.close();
  });

  it("offers to add pictures where there are none, and not beside an archive that cannot be used", async () => {
    const { context, page, faults } = await openPage(browser);
    const code = "ERR_ZIP_FORMAT";
    const problem = {
      type: "about:blank",
      title: "Unprocessable Content",
      status: 422,
      code,
      detail: "it is no archive",
    };
    const names = { Empty: 1, Unusable: 0 };
    for (const [name, offers] of Object.entries(names)) {
      const body = JSON.stringify({ name, ...(offers === 1 ? {} : { problem }) });
      await fetch(`${double.url}api/v1/jobs`, { method: "POST", body });
      await page.goto(await double.address(name));
      await page.getByText("No pictures yet.").waitFor();
      await expect
        .poll(() => page.getByRole("button", { name: "Add pictures" }).count(), { message: name })
        .toBe(offers);
    }
    expect(faults).toEqual([]);
    await context.close();
  });
});
