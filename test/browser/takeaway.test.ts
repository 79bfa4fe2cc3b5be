// What the page's own links give: pictures, Photoshop documents and layers of a page, the chapter as an archive. Each
// is opened by another program's reader.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { open as openZip } from "yauzl";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, NO_CHROMIUM, openPage } from "../support/browser.js";
import { writeChapter } from "../support/chapter.js";
import { dataFolder, startCommand, type TestServer } from "../support/web-server.js";
import { readFlattened } from "../../src/io/image/layers/psd-flattened.js";

const WORK_MS = 90_000; // for pages to be coloured on a busy machine
/** Of a page of `writeChapter`. */
const [WIDTH, HEIGHT] = [200, 280];

/** Names in an archive, by another program's reader. */
function entryNames(file: string): Promise<string[]> {
  return new Promise((resolve, reject) =>
    openZip(file, (error, archive) => {
      if (error !== null) return reject(error);
      const names: string[] = [];
      archive.on("entry", ({ fileName }: { fileName: string }) => names.push(fileName));
      archive.on("error", reject).on("end", () => resolve(names));
    }),
  );
}

describe.skipIf(NO_CHROMIUM)(`downloads${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let folder: Awaited<ReturnType<typeof dataFolder>>;
  let server: TestServer;
  const path = (name: string): string => join(folder.path, name);

  beforeAll(async () => {
    folder = await dataFolder();
    await writeChapter(path("Chapter é & 1.cbz"), 1);
    [browser, server] = await Promise.all([launchBrowser(), startCommand(["--data", path("data")])]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Colours the chapter as a new one. @param layers what the setting is called */
  async function coloured(page: Page, layers: string): Promise<void> {
    await page.goto(server.url);
    await page
      .locator("input[type=file]")
      .first()
      .setInputFiles([path("Chapter é & 1.cbz")]);
    await page.getByRole("listbox", { name: "Pages" }).getByRole("option").first().waitFor();
    await page.getByText("Output", { exact: true }).click();
    await page.getByRole("combobox", { name: "Layers" }).selectOption(layers);
    await page.getByRole("button", { name: "Colour 1 page" }).click();
    await page.getByRole("link", { name: "Download", exact: true }).waitFor();
  }

  /** Clicks a link. @returns the name and the bytes of what comes */
  async function taken(page: Page, link: string): Promise<{ name: string; bytes: Buffer; path: string }> {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: link, exact: true }).click(),
    ]);
    const saved = await download.path();
    return { name: download.suggestedFilename(), bytes: await readFile(saved), path: saved };
  }

  it("gives a page's picture, a Photoshop document made for it, and each of its layers", async () => {
    const { context, page, faults } = await openPage(browser, { acceptDownloads: true });
    page.setDefaultTimeout(WORK_MS);
    await coloured(page, "PNG files");
    const archive = await taken(page, "Download");
    expect(archive.name).toBe("Chapter é & 1.cbz");
    const inArchive = await entryNames(archive.path);
    await page.getByRole("option", { name: /p1\.png/ }).click();
    await page.getByRole("heading", { name: "p1.png" }).waitFor();
    const picture = await taken(page, "Picture");
    expect(await sharp(picture.bytes).metadata()).toMatchObject({ format: "png", width: WIDTH, height: HEIGHT });
    expect(inArchive).toContain(picture.name);
    const links = page.getByRole("link", { name: /^Layer / });
    await expect.poll(() => links.count()).toBeGreaterThanOrEqual(2);
    for (const link of await links.allInnerTexts()) {
      const layer = await taken(page, link.trim());
      expect(await sharp(layer.bytes).metadata()).toMatchObject({ format: "png", width: WIDTH, height: HEIGHT });
      expect(
        inArchive.some((name) => name.endsWith(layer.name)),
        layer.name,
      ).toBe(true);
    }
    const document = await taken(page, "Photoshop document (PSD)");
    expect(document.name).toMatch(/\.psd$/);
    const flat = readFlattened(document.bytes, document.name);
    expect([flat.width, flat.height]).toEqual([WIDTH, HEIGHT]);
    // The layers together are the picture.
    const pixels = await sharp(picture.bytes).removeAlpha().raw().toBuffer();
    const apart = pixels.reduce((most, value, at) => Math.max(most, Math.abs(value - flat.data[at]!)), 0);
    expect(apart).toBeLessThanOrEqual(2);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("gives a chapter of Photoshop documents", async () => {
    const { context, page, faults } = await openPage(browser, { acceptDownloads: true });
    page.setDefaultTimeout(WORK_MS);
    await coloured(page, "Photoshop document");
    const archive = await taken(page, "Download");
    expect(await entryNames(archive.path)).toEqual(expect.arrayContaining(["ComicInfo.xml", "p1_colorized.psd"]));
    await page.getByRole("option", { name: /p1\.png/ }).click();
    await page.getByRole("heading", { name: "p1.png" }).waitFor();
    const document = await taken(page, "Photoshop document (PSD)");
    const { width, height } = readFlattened(document.bytes, document.name);
    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    expect(faults).toEqual([]);
    await context.close();
  });
});
