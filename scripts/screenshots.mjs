// `npm run screenshots`: makes the pictures of the web page in docs/ anew: the sample chapter on the real server and
// the embedded model, the farm on the API double of the tests. Needs Chromium (COBRA_CHROMIUM) and a built package.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { main, ROOT, say } from "./lib/steps.mjs";

const SIZE = { width: 1280, height: 800 };
const WORK_MS = 120_000; // for the chapter to be coloured on a busy machine

/** Starts a process that prints its address first. */
async function start(...args) {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, url: /http:\S+/.exec(line)[0].replace(/\/?$/, "/") };
}

async function save(page, name, options = {}) {
  await page.evaluate("document.fonts.ready");
  const file = join(ROOT, "docs", `${name}.jpg`);
  const { size } = await sharp(await page.screenshot(options))
    .jpeg({ quality: 82, mozjpeg: true })
    .toFile(file);
  say(`docs/${name}.jpg, ${Math.round(size / 1000)} kB`);
}

async function open(browser, options) {
  const page = await browser.newPage({ locale: "en-GB", reducedMotion: "reduce", ...options });
  page.setDefaultTimeout(WORK_MS);
  return page;
}

/** From the drop to a hint, as docs/web.md tells it. */
async function chapter(browser, url) {
  const page = await open(browser, { viewport: SIZE, deviceScaleFactor: 1.5 });
  await page.goto(url);
  await page
    .locator("input[type=file]")
    .first()
    .setInputFiles({
      name: "Harbour 1.cbz",
      mimeType: "application/zip",
      buffer: await readFile(join(ROOT, "scripts/sample/chapter.cbz")),
    });
  await page.getByRole("button", { name: "Colour 5 pages" }).waitFor();
  await page.getByRole("combobox", { name: "Style" }).selectOption("line");
  await page.getByRole("option", { name: /^002/ }).click();
  await page.getByRole("option", { name: /^003/ }).click({ modifiers: ["Control"] });
  await loaded(page);
  await save(page, "web-sorting");

  await page.getByRole("button", { name: "Preview first" }).click();
  await page.getByRole("slider", { name: "Before and after of 001.png" }).waitFor();
  await loaded(page);
  await save(page, "web-preview");

  await page.getByRole("button", { name: "Approve and colour all" }).click();
  await page.getByText("3 of 5 pages").first().waitFor();
  await loaded(page);
  await save(page, "web-results");

  await page.getByText("5 of 5 pages").first().waitFor();
  await page.getByRole("option", { name: /^002/ }).click();
  await page.getByRole("button", { name: "Paint hints" }).click();
  await page.getByRole("group", { name: "From the references" }).getByRole("button").nth(3).click();
  await loaded(page);
  const { x, y, width, height } = await page.locator(".stage .layer img").first().boundingBox();
  await page.mouse.move(x + width * 0.77, y + height * 0.57);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.8, y + height * 0.52, { steps: 8 });
  await page.mouse.up();
  await save(page, "web-hints");
}

/** In the page: whether all pictures in sight are there. */
const ALL_LOADED = `
  [...document.images].every((image) => {
    const { top, bottom } = image.getBoundingClientRect();
    return bottom < 0 || top > innerHeight || (image.complete && image.naturalWidth > 0);
  })`;

/** Waits for the pictures in sight. The page's security policy lets nobody wait inside of it. */
async function loaded(page) {
  while (!(await page.evaluate(ALL_LOADED))) await page.waitForTimeout(100);
}

async function farm(browser, url) {
  await fetch(`${url}api/v1/double/farm`);
  const page = await open(browser, { viewport: SIZE });
  await page.goto(`${url}#/farm`);
  await page.getByText("render-05").waitFor();
  await save(page, "web-farm", { fullPage: true });
}

await main(async () => {
  const data = await mkdtemp(join(tmpdir(), "cobra-screenshots-"));
  const browser = await chromium.launch({
    executablePath: process.env.COBRA_CHROMIUM ?? "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  const [server, double] = await Promise.all([
    start(join(ROOT, "dist/ui/cli/main.js"), "serve", "--port", "0", "--data", data),
    start(join(ROOT, "test/support/api-double.mjs")),
  ]);
  try {
    await chapter(browser, server.url);
    await farm(browser, double.url);
  } finally {
    await browser.close();
    double.child.kill();
    server.child.kill();
    await once(server.child, "exit");
    await rm(data, { recursive: true });
  }
  return 0;
});
