// Uploads, on the page alone against a double of the API: archives, dropped folders, going on after a reload.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { axeViolations, NO_CHROMIUM, openPage } from "../support/browser.js";
import { linePage } from "../support/chapter.js";
import { startPageDouble, type PageDouble } from "../support/page-double.js";

describe.skipIf(NO_CHROMIUM)(`uploads${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: PageDouble;

  beforeAll(async () => {
    double = await startPageDouble();
    ({ browser } = double);
  });
  afterAll(() => double?.[Symbol.asyncDispose]());

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

  it("makes one chapter of a dropped folder, with what lies below it, whatever the names", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cobra-drop-"));
    const name = `第一話 \u0627\u0644\u0641\u0635\u0644 ${"x".repeat(210)}`;
    const names = [
      "p1.png",
      "sub/p2.png",
      "sub/\u202Ep3.png",
      `sub/${"長".repeat(70)}.png`,
      "sub/.p4.png",
      ".DS_Store",
    ];
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
    await expect.poll(() => paths.length).toBe(5);
    expect(paths.sort()).toEqual(names.slice(0, 5).sort());
    const job = (await double.jobs()).find((one) => one.name.startsWith("第一話"))!;
    expect([...job.name]).toHaveLength(200);
    expect(faults).toEqual([]);
    await context.close();
    await rm(folder, { recursive: true });
  });
});
