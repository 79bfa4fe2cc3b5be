// Painting hints on a page, by keys, pointer, touch and pen, against a double of the API.
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_CHROMIUM, openPage } from "../support/browser.js";
import { startPageDouble, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(
  `painting hints, against a double of the API${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`,
  () => {
    let browser: Browser;
    let double: PageDouble;
    const address = (name: string): Promise<string> => double.address(name);

    beforeAll(async () => {
      double = await startPageDouble();
      ({ browser } = double);
    });
    afterAll(() => double?.[Symbol.asyncDispose]());

    it("paints dots by keys and a stroke by pointer, undoes, and saves what there is", async () => {
      const { context, page, faults } = await openPage(browser);
      await page.goto(await address("The Lighthouse Keeper 7"));
      await page.getByRole("option", { name: /003\.png/ }).click();
      await page.getByRole("button", { name: "Paint hints" }).click();
      await page.getByText("Eyedropper", { exact: true }).waitFor();
      const stage = page.locator(".stage");
      await stage.focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      const sent = page.waitForRequest((request) => request.url().endsWith("/redo"));
      await page.getByRole("button", { name: "Colour this page again" }).click();
      const { settings } = JSON.parse((await sent).postData()!) as {
        settings: { hints: { x: number; color: string }[] };
      };
      expect(settings.hints).toHaveLength(1);
      expect(settings.hints[0]!.x).toBeGreaterThan(500);
      const box = (await stage.boundingBox())!;
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2 + 60, box.y + box.height / 2 + 40, { steps: 4 });
      await page.mouse.up();
      await page.getByRole("button", { name: "Undo" }).click();
      await page.getByRole("button", { name: "Redo", exact: true }).click();
      const put = page.waitForRequest((request) => request.url().endsWith("/hints") && request.method() === "PUT");
      await page.getByRole("button", { name: "Colour this page again" }).click();
      const { hints: kept } = await (await put).response().then(async (answer) => (await answer!.json()).settings);
      expect(kept).toBe("strokes");
      const strokes = Buffer.from(await (await fetch((await put).url())).arrayBuffer());
      const { width, height, hasAlpha } = await sharp(strokes).metadata();
      expect([width, height, hasAlpha], "strokes on transparency, in the page's shape").toEqual([1000, 1400, true]);
      expect(faults).toEqual([]);
      await context.close();
    });

    it("shows a page that a browser would turn otherwise as the server makes it, so that dots land where they seem to", async () => {
      const { context, page } = await openPage(browser);
      await page.route(/\/pictures$/u, async (route) => {
        const response = await route.fetch();
        const pictures = (await response.json()) as { name: string }[];
        const json = pictures.map((one) => ({ ...one, shown: !one.name.endsWith("003.png") }));
        await route.fulfill({ response, json });
      });
      for (const [name, what] of [
        ["003.png", /\/thumbnail\?size=1280$/u],
        ["004.png", /\/original$/u],
      ] as const) {
        await page.goto(await address("The Lighthouse Keeper 7"));
        await page.getByRole("option", { name: new RegExp(name, "u") }).click();
        await page.getByRole("button", { name: "Paint hints" }).waitFor();
        await page.getByRole("radio", { name: "Original" }).check({ force: true });
        const shown = page.locator(".stage img").first();
        await expect.poll(() => shown.getAttribute("src")).toMatch(what);
      }
      await context.close();
    });

    it("paints by touch and by pen, whose other end erases; two fingers only zoom", async () => {
      const { context, page, faults } = await openPage(browser, { hasTouch: true });
      await page.goto(await address("The Lighthouse Keeper 7"));
      await page.getByRole("option", { name: /004\.png/ }).click();
      await page.getByRole("button", { name: "Paint hints" }).click();
      await page.getByText("Eyedropper", { exact: true }).waitFor();
      const box = (await page.locator(".stage").boundingBox())!;
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      const painted = (): Promise<number> =>
        page.evaluate(`(() => {
          const canvas = document.querySelector(".paint-canvas canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let at = 3; at < data.length; at += 4) if (data[at] > 0) count++;
          return count;
        })()`);
      const cdp = await context.newCDPSession(page);
      const touch = (type: "touchStart" | "touchMove" | "touchEnd", points: readonly [number, number][]) =>
        cdp.send("Input.dispatchTouchEvent", {
          type,
          touchPoints: points.map(([px, py], id) => ({ x: px, y: py, id })),
        });
      await page.touchscreen.tap(x, y);
      await expect.poll(painted).toBeGreaterThan(50);
      const dot = await painted();
      await touch("touchStart", [[x, y]]);
      await touch("touchMove", [[x + 60, y + 30]]);
      await touch("touchEnd", []);
      await expect.poll(painted).toBeGreaterThan(dot);
      const stroke = await painted();
      const zoom = page.getByRole("button", { name: / %$/ });
      const before = await zoom.textContent();
      await touch("touchStart", [[x - 40, y]]);
      await touch("touchStart", [
        [x - 40, y],
        [x + 40, y],
      ]);
      await touch("touchMove", [
        [x - 90, y],
        [x + 90, y],
      ]);
      await touch("touchEnd", []);
      await expect.poll(() => zoom.textContent()).not.toBe(before);
      await expect.poll(painted).toBe(stroke);
      await page.getByRole("button", { name: "Fit" }).click();
      const pen = (buttons: number) =>
        cdp.send("Input.dispatchMouseEvent", {
          type: "mousePressed",
          x,
          y,
          button: "left",
          buttons,
          clickCount: 1,
          pointerType: "pen",
        });
      await pen(1);
      await cdp.send("Input.dispatchMouseEvent", {
        type: "mouseMoved",
        x: x - 70,
        y,
        button: "left",
        buttons: 1,
        pointerType: "pen",
      });
      await cdp.send("Input.dispatchMouseEvent", {
        type: "mouseReleased",
        x: x - 70,
        y,
        button: "left",
        pointerType: "pen",
      });
      await expect.poll(painted).toBeGreaterThan(stroke);
      const full = await painted();
      // Browsers cannot be driven with a pen's eraser: its events are made by hand, with the mouse's id.
      await page.evaluate(`(() => {
        const stage = document.querySelector(".stage");
        const about = { pointerId: 1, pointerType: "pen", bubbles: true, clientY: ${y} };
        stage.dispatchEvent(new PointerEvent("pointerdown", { ...about, clientX: ${x}, button: 5, buttons: 32 }));
        stage.dispatchEvent(new PointerEvent("pointermove", { ...about, clientX: ${x - 70}, buttons: 32 }));
        stage.dispatchEvent(new PointerEvent("pointerup", { ...about, clientX: ${x - 70}, button: 5 }));
      })()`);
      await expect.poll(painted).toBeLessThan(full);
      expect(faults).toEqual([]);
      await context.close();
    });

    it("keeps what is painted while hints are saved", async () => {
      const { context, page } = await openPage(browser);
      await page.goto(await address("The Lighthouse Keeper 7"));
      await page.getByRole("option", { name: /006\.png/ }).click();
      await page.getByRole("button", { name: "Paint hints" }).click();
      await page.getByText("Eyedropper", { exact: true }).waitFor();
      let save = (): void => undefined;
      const asked = new Promise<void>((told) => {
        void page.route("**/redo", async (route) => {
          told();
          await new Promise<void>((go) => (save = go));
          await route.continue();
        });
      });
      await page.locator(".stage").focus();
      await page.keyboard.press("Enter");
      const again = page.getByRole("button", { name: "Colour this page again" });
      await again.click();
      await asked;
      await page.locator(".stage").focus();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      save();
      await expect.poll(() => again.getAttribute("aria-busy")).toBe(null);
      await page.unroute("**/redo");
      const sent = page.waitForRequest((request) => request.url().endsWith("/redo"));
      await again.click();
      expect(JSON.parse((await sent).postData()!)).toMatchObject({ settings: { hints: [{}, {}] } });
      await context.close();
    });
  },
);
