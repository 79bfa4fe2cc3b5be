// The web page in a real browser, on the real server and the embedded model: a chapter from the drop to the download,
// painting, one page alone, keys alone; a reload and a killed server in the middle; a hostile archive.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, launchBrowser, NO_CHROMIUM, openPage } from "../support/browser.js";
import { colourPage, linePage, writeChapter, writeFolder } from "../support/chapter.js";
import { dataFolder, startCommand, type TestServer } from "../support/web-server.js";
import { openPageSource } from "../../src/io/open-source.js";

const WORK_MS = 90_000; // for pages to be coloured on a busy machine

async function pageNames(path: string): Promise<string[]> {
  const source = await openPageSource(path);
  try {
    return source
      .entries()
      .map((entry) => entry.name)
      .sort();
  } finally {
    await source.close();
  }
}

async function give(page: Page, files: string | readonly string[]): Promise<void> {
  await page.locator("input[type=file]").first().setInputFiles(files);
}

/** Presses the tab key until what is looked for has the focus. */
async function tabTo(page: Page, target: Locator, atMost = 80): Promise<void> {
  for (let pressed = 0; pressed < atMost; pressed++) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
  }
  throw new Error(`the tab key does not lead to ${String(target)}`);
}

describe.skipIf(NO_CHROMIUM)(`the web page${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let folder: Awaited<ReturnType<typeof dataFolder>>;
  let server: TestServer;
  let chapter: string;
  const path = (name: string): string => join(folder.path, name);

  beforeAll(async () => {
    folder = await dataFolder();
    await writeFolder(path("shelf/Volume 1"), { "p1.png": await linePage(1), "deep/p2.png": await linePage(2) });
    await writeFolder(path("shelf/Volume 1"), { "ref_a.jpg": await colourPage(1) });
    chapter = await writeChapter(path("Chapter 1.cbz"), 2);
    [browser, server] = await Promise.all([
      launchBrowser(),
      startCommand(["--data", path("data"), "--root", `shelf=${path("shelf")}`]),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it("colours a chapter: drop, sort, set, preview, approve, watch, look, take away", async () => {
    const { context, page, faults } = await openPage(browser, { acceptDownloads: true });
    page.setDefaultTimeout(WORK_MS);
    await page.goto(server.url);
    await give(page, chapter);
    const pages = page.getByRole("listbox", { name: "Pages" });
    const references = page.getByRole("listbox", { name: "References" });
    await references.getByRole("option", { name: /ref_b\.jpg/ }).waitFor();
    await expect.poll(() => pages.getByRole("option").count()).toBe(2);
    await expect.poll(() => references.getByRole("option").count()).toBe(2);
    expect(await axeViolations(page)).toEqual([]);

    await page.getByRole("combobox", { name: "Style" }).selectOption("line");
    await page.reload(); // what was set is kept
    await expect.poll(() => page.getByRole("combobox", { name: "Style" }).inputValue()).toBe("line");
    await page.getByRole("button", { name: "Preview first" }).click();
    const slider = page.getByRole("slider", { name: "Before and after of p1.png" });
    await slider.waitFor();
    await slider.focus();
    await page.keyboard.press("Home");
    await expect.poll(() => slider.getAttribute("aria-valuenow")).toBe("0");
    expect(await axeViolations(page)).toEqual([]);

    await page.getByRole("button", { name: "Approve and colour all" }).click();
    await page.getByRole("link", { name: "Download", exact: true }).waitFor();
    await page.getByText("2 of 2 pages").first().waitFor();
    expect(await axeViolations(page)).toEqual([]);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download", exact: true }).click(),
    ]);
    await download.saveAs(path("taken.cbz"));
    expect(await pageNames(path("taken.cbz"))).toEqual(
      expect.arrayContaining(["ComicInfo.xml", "p1_colorized.png", "p2_colorized.png"]),
    );

    await page.getByRole("option", { name: /p1\.png/ }).click();
    const stage = page.getByRole("group", { name: "Page p1.png" });
    await page.getByRole("slider", { name: "Line between before and after" }).waitFor();
    await stage.focus();
    await page.keyboard.press("1");
    await page.getByRole("button", { name: "100 %" }).waitFor();
    for (let zoom = 0; zoom < 4; zoom++) await page.keyboard.press("+");
    await expect.poll(() => page.locator(".stage img.pixelated").count()).toBeGreaterThan(0);
    await page.keyboard.press("0");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("heading", { name: "p2.png" }).waitFor();
    const [picture] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Picture" }).click(),
    ]);
    expect((await readFile(await picture.path())).subarray(1, 4).toString()).toBe("PNG");
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("paints a hint, and the page has its colour seconds later", async () => {
    const { context, page, faults } = await openPage(browser);
    page.setDefaultTimeout(WORK_MS);
    await page.goto(server.url);
    await page.getByRole("link", { name: "Chapter 1" }).first().click();
    await page.getByRole("option", { name: /p1\.png/ }).click();
    await page.getByRole("button", { name: "Paint hints" }).click();
    await page.locator("input[type=color]").fill("#20c060");
    const stage = page.getByRole("group", { name: "Page p1.png" });
    const box = (await stage.boundingBox())!;
    const shown = (await page.locator(".stage .layer img").first().boundingBox())!;
    const scale = shown.width / 200;
    // The middle of the panel's empty part, below the balloon and beside the figure.
    await page.mouse.click(shown.x + 160 * scale, shown.y + 150 * scale);
    expect(box.width).toBeGreaterThan(shown.width);
    const before = await page.locator(".stage .layer img").first().getAttribute("src");
    await page.getByRole("button", { name: "Colour this page again" }).click();
    await expect
      .poll(() => page.locator(".stage .layer img").first().getAttribute("src"), { timeout: WORK_MS })
      .not.toBe(before);
    const src = (await page.locator(".stage .layer img").first().getAttribute("src"))!;
    const bytes = Buffer.from(await (await fetch(new URL(src, server.url))).arrayBuffer());
    const [red, green, blue] = (await sharp(bytes)
      .removeAlpha()
      .extract({ left: 165, top: 160, width: 1, height: 1 })
      .raw()
      .toBuffer()) as unknown as [number, number, number];
    expect(green).toBeGreaterThan(red + 60);
    expect(green).toBeGreaterThan(blue + 40);
    // What was painted is there after a reload, and can be painted on.
    await page.reload();
    await page.getByRole("button", { name: "Paint hints" }).click();
    await expect.poll(() => page.getByRole("button", { name: "Undo" }).isEnabled()).toBe(true);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("takes a folder of the server with its subfolders", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(server.url);
    await page.getByRole("button", { name: "On the server" }).click();
    await page.getByRole("button", { name: "Volume 1" }).click();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Use the folder “Volume 1”" }).click();
    await page.getByRole("option", { name: /deep\/p2\.png/ }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("refuses a hostile archive with a remedy, and goes on", async () => {
    const { context, page } = await openPage(browser);
    await writeFile(path("Broken.cbz"), (await readFile(chapter)).subarray(0, 2000));
    await page.goto(server.url);
    await give(page, path("Broken.cbz"));
    const trouble = page.getByRole("alert").first();
    await trouble.waitFor();
    await expect.poll(() => trouble.locator(".code").innerText()).toMatch(/^ERR_/);
    expect((await trouble.locator(".remedy").innerText()).length).toBeGreaterThan(10);
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("link", { name: "Chapters" }).click();
    await page.getByRole("link", { name: "Chapter 1" }).first().waitFor();
    await context.close();
  });

  it("colours one page with references, and says which were chosen", async () => {
    const { context, page, faults } = await openPage(browser);
    page.setDefaultTimeout(WORK_MS);
    await writeFile(path("single.png"), await linePage(4));
    await writeFile(path("like it.jpg"), await colourPage(4));
    await page.goto(`${server.url}/#/one-page`);
    await give(page, path("single.png"));
    await page.getByText("Lines", { exact: true }).click();
    await expect
      .poll(
        () =>
          page
            .locator(".stage .layer img")
            .first()
            .evaluate((image: { naturalWidth: number }) => image.naturalWidth),
        {
          timeout: WORK_MS,
        },
      )
      .toBeGreaterThan(100);
    await give(page, path("like it.jpg"));
    await page.getByRole("img", { name: "like it.jpg" }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole("button", { name: "Colour page" }).click();
    await page.getByRole("heading", { name: "References used" }).waitFor();
    await page.locator(".used-references").getByText("like it.jpg").waitFor();
    await page.getByRole("slider", { name: "Line between before and after" }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("is used from start to finish by keys alone", async () => {
    const { context, page, faults } = await openPage(browser);
    page.setDefaultTimeout(WORK_MS);
    const chooser = page.waitForEvent("filechooser"); // long before the key: the browser takes a moment to hand it over
    await page.goto(server.url);
    await page.getByRole("button", { name: "On the server" }).waitFor();
    await tabTo(page, page.getByRole("button", { name: "Choose files" }));
    await page.keyboard.press("Enter");
    await (await chooser).setFiles(await writeChapter(path("By keys.cbz"), 1));
    const start = page.getByRole("button", { name: "Colour 1 page" });
    await start.waitFor();
    await expect.poll(() => start.isEnabled()).toBe(true);
    await tabTo(page, start);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Download", exact: true }).waitFor();
    await tabTo(page, page.getByRole("listbox", { name: "Pages" }));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "p1.png" }).waitFor();
    await tabTo(page, page.getByRole("slider", { name: "Line between before and after" }));
    await page.keyboard.press("ArrowRight");
    await tabTo(page, page.getByRole("button", { name: "Paint hints" }));
    await page.keyboard.press("Enter");
    await page.getByText("Eyedropper", { exact: true }).waitFor();
    await page.getByRole("group", { name: "Page p1.png" }).focus();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.getByRole("listbox", { name: "Pages" }).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  it("goes on by itself when the server is killed in the middle and started again", async () => {
    const { context, page } = await openPage(browser);
    page.setDefaultTimeout(WORK_MS);
    await page.goto(server.url);
    await give(page, await writeChapter(path("Long.cbz"), 4));
    await page.getByRole("button", { name: "Colour 4 pages" }).click();
    await page
      .getByText(/[1-3] of 4 pages/)
      .first()
      .waitFor();
    await server.end("SIGKILL");
    await page.getByText("The connection to the server is lost").waitFor();
    server = await startCommand([
      "--data",
      path("data"),
      "--root",
      `shelf=${path("shelf")}`,
      "--port",
      String(server.port),
    ]);
    await page.getByText("The connection to the server is lost").waitFor({ state: "detached" });
    await page.getByText("4 of 4 pages").first().waitFor();
    await page.getByRole("link", { name: "Download", exact: true }).waitFor();
    await context.close();
  });
});
