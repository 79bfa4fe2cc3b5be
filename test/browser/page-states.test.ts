// The page alone, against a double of the API that has every state at once: 2,000 pages, keys, uploads, a lost
// connection. What needs colouring is in page.test.ts.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, NO_CHROMIUM, openPage } from "../support/browser.js";
import { linePage } from "../support/chapter.js";
import { startPageDouble, type DoubleJob, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(
  `the web page, against a double of the API${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`,
  () => {
    let browser: Browser;
    let double: PageDouble;
    const jobs = (): Promise<DoubleJob[]> => double.jobs();
    const address = (name: string): Promise<string> => double.address(name);

    beforeAll(async () => {
      double = await startPageDouble();
      ({ browser } = double);
    });
    afterAll(() => double?.[Symbol.asyncDispose]());

    it("draws a screenful of 2,000 pages, at the top and at the end", async () => {
      const { context, page, faults } = await openPage(browser);
      await page.goto(await address("Moonlit Harbour, all volumes"));
      await page.getByRole("option", { name: /001\.png/ }).waitFor();
      const options = page.getByRole("listbox", { name: "Pages" }).getByRole("option");
      expect(await options.count()).toBeLessThan(150);
      await page.getByRole("listbox", { name: "Pages" }).focus();
      await page.keyboard.press("End");
      await page.getByRole("option", { name: /2000\.png/ }).waitFor();
      expect(await options.count()).toBeLessThan(150);
      const last = page.getByRole("option", { name: /2000\.png/ });
      expect(await last.getAttribute("aria-posinset")).toBe("2000");
      expect(await last.getAttribute("aria-setsize")).toBe("2000");
      expect(await last.getAttribute("aria-selected")).toBe("true");
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
        await page.goto(await address("Moonlit Harbour, all volumes"));
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

    it("takes keys at a page as soon as it is open, and from its bar", async () => {
      const { context, page, faults } = await openPage(browser);
      await page.goto(await address("The Lighthouse Keeper 7"));
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

    it("sorts by keys alone, and by drag", async () => {
      const { context, page } = await openPage(browser, { viewport: { width: 1280, height: 860 } });
      await page.goto(await address("Moonlit Harbour 12"));
      const pages = page.getByRole("listbox", { name: "Pages" });
      const references = page.getByRole("listbox", { name: "References" });
      await pages.getByRole("option").first().waitFor();
      expect(await pages.getByRole("option").first().innerText(), "unsure ones come first").toMatch(
        /^007\.png[^]*please check/,
      );
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
      expect((await heading.boundingBox())!.y).toBeLessThan(0);
      await page.mouse.move(640, 8, { steps: 3 });
      await expect
        .poll(
          async () => {
            await page.mouse.move(640, 9);
            await page.mouse.move(640, 8);
            return (await heading.boundingBox())!.y;
          },
          { timeout: 20_000 },
        )
        .toBeGreaterThan(0);
      // Away from the edge nothing scrolls any more, and the gallery lies below its heading.
      await page.mouse.move(640, 400, { steps: 3 });
      await page.mouse.up();
      await page.getByRole("heading", { name: "Pages 22" }).waitFor();
      await context.close();
    });

    it("tries one failed page again alone", async () => {
      const { context, page } = await openPage(browser);
      await page.goto(await address("The Lighthouse Keeper 7"));
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
      await page.goto(await address("The Lighthouse Keeper 7"));
      await page.getByText("Table", { exact: true }).click();
      const row = page
        .getByRole("table", { name: "Pages" })
        .getByRole("row", { name: /Failed/ })
        .first();
      await row.getByText("Add a coloured picture of the same characters").waitFor();
      expect(await row.innerText()).not.toMatch(/ERR_/);
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
      await page.goto(await address("Moonlit Harbour 12"));
      await page.getByRole("region", { name: "Pages" }).getByRole("listbox").waitFor();
      expect(await page.getByRole("combobox", { name: "Style" }).count()).toBe(0);
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
      await page.goto(await address("Paper Lanterns 3"));
      await page.getByRole("list", { name: "In progress now" }).waitFor();
      const width = await page.evaluate<number>("document.documentElement.scrollWidth");
      expect(width).toBeLessThanOrEqual(360);
      await context.close();
    });

    it("selects the best N, and with shift and ctrl", async () => {
      const { context, page } = await openPage(browser);
      await page.goto(await address("Moonlit Harbour 12"));
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
      expect(await section.getByText("selected").count()).toBe(0);
      await context.close();
    });

    it("says what the model takes no notice of, and lets nobody set it", async () => {
      const { context, page } = await openPage(browser);
      await page.goto(await address("Moonlit Harbour 12"));
      const seed = page.getByRole("spinbutton", { name: "Seed" });
      expect(await seed.isDisabled()).toBe(true);
      await page.getByText("No effect: this model gives the same picture for every seed.").waitFor();
      await page.getByRole("combobox", { name: "Ink" }).selectOption("model");
      await expect
        .poll(async () => (await jobs()).find((job) => job.name === "Moonlit Harbour 12"))
        .toMatchObject({
          settings: { ink: "model" },
        });
      await context.close();
    });

    it("reorders what waits", async () => {
      const { context, page } = await openPage(browser);
      await page.goto(double.url);
      const row = page.getByRole("listitem").filter({ hasText: "Night Train" }).first();
      await row.getByRole("button", { name: "Move up in the queue" }).click();
      await expect
        .poll(async () => (await jobs()).find((job) => job.name === "Night Train"))
        .toMatchObject({ position: 1 });
      await context.close();
    });

    it("makes a chapter of each archive and goes on with the events", async () => {
      const { context, page, faults } = await openPage(browser);
      await page.goto(double.url);
      const picture = await linePage(1);
      await page
        .locator("input[type=file]")
        .first()
        .setInputFiles([
          { name: "Volume 1.cbz", mimeType: "application/zip", buffer: Buffer.alloc(3000) },
          { name: "Volume 2.cbz", mimeType: "application/zip", buffer: Buffer.alloc(2000) },
          { name: "loose.png", mimeType: "image/png", buffer: picture },
        ]);
      for (const name of ["Volume 1", "Volume 2", "Pictures"])
        await page.getByRole("link", { name, exact: true }).waitFor();
      await page.getByRole("link", { name: "Volume 1" }).click();
      await page.getByRole("button", { name: "Colour 6 pages" }).click();
      await page.getByText("6 of 6 pages").first().waitFor();
      await page.getByRole("link", { name: "Download" }).waitFor();
      expect(faults).toEqual([]);
      await context.close();
    });

    it("continues an upload after a reload where it stopped, once the file is chosen again", async () => {
      const { context, page } = await openPage(browser);
      const folder = await mkdtemp(join(tmpdir(), "cobra-upload-"));
      const path = join(folder, "Volume 9.cbz");
      await writeFile(path, Buffer.alloc(4_000_000, 7));
      const session = await context.newCDPSession(page);
      const upload = (bytesPerSecond: number) =>
        session.send("Network.emulateNetworkConditions", {
          offline: false,
          latency: 0,
          downloadThroughput: -1,
          uploadThroughput: bytesPerSecond,
        });
      await session.send("Network.enable");
      await page.goto(double.url);
      await upload(300_000);
      await page.locator("input[type=file]").first().setInputFiles(path);
      await page.getByText(/of 4 MB, .* left/).waitFor();
      page.on("dialog", (dialog) => void dialog.accept());
      await page.reload();
      await page.getByText("An upload was interrupted").waitFor();
      expect(await axeViolations(page)).toEqual([]);
      await upload(-1);
      const offset = page
        .waitForRequest((request) => request.method() === "PATCH" && request.url().includes("/uploads/"))
        .then(async (request) => Number((await request.allHeaders())["upload-offset"]));
      await page.locator("input[type=file]").last().setInputFiles(path);
      expect(await offset).toBeGreaterThan(0);
      await page.getByRole("button", { name: "Colour 6 pages" }).waitFor();
      await rm(folder, { recursive: true });
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
        await page.getByText("Paper Lanterns 4").waitFor({ timeout: 30_000 });
        await see(page, "hidden");
      }
      // Seen again, a tab has what happened in the meantime.
      const name = "Told to those that look";
      const { id } = (await jobs()).find((job) => job.name === "Night Train")!;
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
      await page.goto(await address("Paper Lanterns 3"));
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

    it("makes one chapter of a dropped folder, with what lies below it, whatever the names", async () => {
      const folder = await mkdtemp(join(tmpdir(), "cobra-drop-"));
      const name = `第一話 \u0627\u0644\u0641\u0635\u0644 ${"x".repeat(210)}`;
      const names = ["p1.png", "sub/p2.png", "sub/\u202Ep3.png", `sub/${"長".repeat(70)}.png`, ".DS_Store"];
      for (const each of names) {
        await mkdir(dirname(join(folder, name, each)), { recursive: true });
        await writeFile(join(folder, name, each), await linePage(1));
      }
      const { context, page, faults } = await openPage(browser);
      await page.goto(double.url);
      await page.getByText("Paper Lanterns 4").waitFor();
      const cdp = await context.newCDPSession(page);
      const paths: string[] = [];
      page.on("request", (request) => {
        const metadata = request.headers()["upload-metadata"];
        const path = metadata?.split(",").find((pair) => pair.startsWith("path "));
        if (path) paths.push(Buffer.from(path.slice("path ".length), "base64").toString());
      });
      const data = { items: [], files: [join(folder, name)], dragOperationsMask: 1 };
      for (const type of ["dragEnter", "dragOver", "drop"] as const)
        await cdp.send("Input.dispatchDragEvent", { type, x: 600, y: 170, data });
      await page.getByRole("textbox", { name: "Name of the chapter" }).waitFor();
      await expect.poll(() => paths.length).toBe(4);
      expect(paths.sort()).toEqual(names.slice(0, 4).sort());
      const job = (await jobs()).find((one) => one.name.startsWith("第一話"))!;
      expect([...job.name]).toHaveLength(200);
      expect(faults).toEqual([]);
      await context.close();
      await rm(folder, { recursive: true });
    });

    it("speaks Japanese, and remembers it", async () => {
      const { context, page } = await openPage(browser, { locale: "ja-JP" });
      await page.goto(double.url);
      await page.getByRole("heading", { name: "チャプター" }).waitFor();
      expect(await page.evaluate("document.documentElement.lang")).toBe("ja");
      await page.getByRole("combobox").nth(1).selectOption("en");
      await page.reload();
      await page.getByRole("heading", { name: "Chapters" }).waitFor();
      await context.close();
    });
  },
);
