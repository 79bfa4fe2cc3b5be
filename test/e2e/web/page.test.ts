// The web page in a real browser, on the real server: one chapter from the drop to the download.
// All else that the page can do is in `npm run test:browser`.
import { join } from "node:path";
import { expect, it } from "vitest";
import { launchBrowser, NO_CHROMIUM, openPage } from "../../support/browser.js";
import { writeChapter } from "../../support/chapter.js";
import { SMALL_MODEL } from "../../support/shared-models.js";
import { dataFolder, startCommand } from "../../support/web-server.js";
import { openPageSource } from "../../../src/io/open-source.js";

it.skipIf(NO_CHROMIUM)(
  `the web page colours a chapter and shows it${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`,
  async () => {
    await using folder = await dataFolder();
    const chapter = await writeChapter(join(folder.path, "Chapter 1.cbz"), 1);
    await using server = await startCommand(["--data", join(folder.path, "data"), "--model", SMALL_MODEL]);
    const browser = await launchBrowser();
    try {
      const { page, faults } = await openPage(browser, { acceptDownloads: true });
      page.setDefaultTimeout(90_000);
      await page.goto(server.url);
      await page.locator("input[type=file]").first().setInputFiles(chapter);
      await page.getByRole("button", { name: "Colour 1 page" }).click();
      const link = page.getByRole("link", { name: "Download", exact: true });
      await link.waitFor();
      const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
      await download.saveAs(join(folder.path, "taken.cbz"));
      const taken = await openPageSource(join(folder.path, "taken.cbz"));
      expect(taken.entries().map(({ name }) => name)).toContain("p1_colorized.png");
      await taken.close();
      await page.getByRole("option", { name: /p1\.png/ }).click();
      await page.getByRole("slider", { name: "Line between before and after" }).waitFor();
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  },
);
