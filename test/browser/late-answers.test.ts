// Answers that arrive after events that tell something newer, and the other way round: what is newer is shown.
import type { Browser, Page, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NO_CHROMIUM, openPage } from "../support/browser.js";
import { startPageDouble, type DoubleJob, type PageDouble } from "../support/page-double.js";

interface DoublePicture {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

/** An answer that was made and is kept back. */
interface HeldAnswer {
  readonly body: unknown;
  /** Sends it, changed or not. */
  send(changed?: unknown): Promise<void>;
}

/** Keeps the next answer of a kind back. */
async function hold(page: Page, url: string, method = "GET"): Promise<{ answered: Promise<HeldAnswer> }> {
  let onAnswer: (answer: HeldAnswer) => void;
  const answered = new Promise<HeldAnswer>((resolve) => (onAnswer = resolve));
  let isHeld = false;
  await page.route(url, async (route: Route) => {
    if (isHeld || route.request().method() !== method) return route.fallback();
    isHeld = true;
    const answer = await route.fetch();
    const body: unknown = await answer.json();
    onAnswer({ body, send: (changed = body) => route.fulfill({ json: changed }) });
  });
  return { answered };
}

describe.skipIf(NO_CHROMIUM)(`late answers${NO_CHROMIUM ? `: ${NO_CHROMIUM}` : ""}`, () => {
  let browser: Browser;
  let double: PageDouble;

  beforeAll(async () => {
    double = await startPageDouble();
    ({ browser } = double);
  });
  afterAll(() => double?.[Symbol.asyncDispose]());

  const jobNamed = async (name: string): Promise<DoubleJob> => (await double.jobs()).find((job) => job.name === name)!;
  const picturesOf = async ({ id }: DoubleJob): Promise<DoublePicture[]> =>
    (await fetch(`${double.url}api/v1/jobs/${id}/pictures`)).json() as Promise<DoublePicture[]>;

  it("of the list bring back no chapter that is gone, drop none that is new, and undo no change", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(double.url);
    const named = (name: string) => page.getByRole("link", { name, exact: true });
    await named("Night Train").waitFor();
    const [gone, changed, other] = await Promise.all(["Broken archive", "Night Train", "cover"].map(jobNamed));
    const { answered } = await hold(page, "**/api/v1/jobs");
    await double.tell({ type: "reset" });
    const answer = await answered;
    await double.tell({ type: "job-removed", id: gone!.id });
    await double.tell({ type: "job", job: { ...changed, name: "Night Train, renamed" } });
    await double.tell({ type: "job", job: { ...other, id: "jnew", name: "New since" } });
    await named("New since").waitFor();
    await answer.send(
      (answer.body as DoubleJob[]).map((job) => (job.id === other!.id ? { ...job, name: "cover, renamed" } : job)),
    );
    await named("cover, renamed").waitFor(); // the answer is there, and counts where nothing is newer
    expect(await named("New since").count()).toBe(1);
    expect(await named("Night Train, renamed").count()).toBe(1);
    expect(await named("Broken archive").count()).toBe(0);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("of two readings of the list the one that was asked for last counts", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(double.url);
    await page.getByRole("link", { name: "Glass Garden 1" }).waitFor();
    const list = await double.jobs();
    const renamed = (name: string): DoubleJob[] =>
      list.map((job) => (job.name === "Glass Garden 1" ? { ...job, name } : job));
    const first = await hold(page, "**/api/v1/jobs");
    await double.tell({ type: "reset" });
    const older = await first.answered;
    const second = await hold(page, "**/api/v1/jobs");
    await double.tell({ type: "reset" });
    const newer = await second.answered;
    await newer.send(renamed("Asked for last"));
    await page.getByRole("link", { name: "Asked for last" }).waitFor();
    await page.evaluate(`
      new MutationObserver(() => (globalThis.sawOlder ||= document.body.innerText.includes("Asked for first"))).observe(
        document.body, { subtree: true, childList: true, characterData: true });
    `);
    const late = page.waitForResponse("**/api/v1/jobs");
    await older.send(renamed("Asked for first"));
    await (await late).finished();
    // A third reading, so that the page has surely taken the older one.
    const third = await hold(page, "**/api/v1/jobs");
    await double.tell({ type: "reset" });
    await (await third.answered).send(renamed("Asked for afterwards"));
    await page.getByRole("link", { name: "Asked for afterwards" }).waitFor();
    expect(await page.evaluate("globalThis.sawOlder ?? false")).toBe(false);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("of the pictures undo no page that is done, and a filter whose last page is done shows all", async () => {
    const { context, page, faults } = await openPage(browser, { viewport: { width: 1280, height: 3000 } });
    const job = await jobNamed("Glass Garden 1");
    const pictures = await picturesOf(job);
    const [done, ...pages] = pictures.filter(({ role }) => role === "page");
    await page.goto(await double.address("Glass Garden 1"));
    await page.getByRole("listbox", { name: "Pages" }).waitFor();
    for (const one of pages)
      await double.tell({ type: "picture", job: job.id, picture: { ...one, state: "processing", stage: "ink" } });
    const tiles = page.getByRole("listbox", { name: "Pages" }).getByRole("option");
    await page.getByText("Remaining 8").click();
    await expect.poll(() => tiles.count()).toBe(8);
    const { answered } = await hold(page, `**/jobs/${job.id}/pictures`);
    await double.tell({ type: "pictures", job: job.id });
    const answer = await answered;
    for (const one of pages)
      await double.tell({ type: "picture", job: job.id, picture: { ...one, state: "completed" } });
    const all = page.getByRole("radio", { name: "All 9" });
    await expect.poll(() => all.isChecked()).toBe(true);
    await answer.send(
      (answer.body as DoublePicture[]).map((one) => ({
        ...one,
        ...(one.id === done!.id ? { name: "late.png" } : one.role === "page" ? { state: "processing" } : {}),
      })),
    );
    await page.getByText("late.png").first().waitFor({ state: "attached" });
    expect(await all.isChecked()).toBe(true);
    expect(await tiles.count()).toBe(9);
    expect(await page.getByText(/^Remaining/).count()).toBe(0);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("of an action undo no newer state of the farm", async () => {
    await fetch(`${double.url}api/v1/double/farm`);
    const { context, page, faults } = await openPage(browser);
    await page.goto(`${double.url}#/farm`);
    const card = page.getByRole("listitem", { name: "render-02-04be7a" });
    const drain = card.getByRole("button", { name: "Drain" });
    await drain.waitFor();
    const { answered } = await hold(page, "**/drain", "POST");
    await drain.click();
    const answer = await answered;
    const { nodes, ...farm } = answer.body as { nodes: { id: string }[] };
    await double.tell({ type: "farm", farm: { ...farm, nodes: nodes.map((one) => ({ ...one, state: "drained" })) } });
    const allDrained = page.getByText("Drained", { exact: true });
    await expect.poll(() => allDrained.count()).toBe(nodes.length);
    await answer.send();
    await card.locator("button:not([aria-busy=true])").waitFor();
    expect(await allDrained.count()).toBe(nodes.length);
    expect(faults).toEqual([]);
    await context.close();
  });

  it("and events show no old settings while new ones are on their way; the last ones are saved last", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("Moonlit Harbour 12"));
    const patches = page.getByRole("spinbutton", { name: "Reference patches" });
    const job = await jobNamed("Moonlit Harbour 12");
    const { answered } = await hold(page, `**/jobs/${job.id}`, "PATCH");
    await patches.fill("5");
    await patches.blur();
    const first = await answered;
    const second = page.waitForRequest((request) => request.method() === "PATCH");
    await patches.fill("7");
    await patches.blur();
    await double.tell({ type: "job", job: { ...job, name: "Moonlit Harbour 13" } });
    await page.getByText("Moonlit Harbour 13").first().waitFor({ state: "attached" });
    expect(await patches.inputValue()).toBe("7");
    await first.send();
    expect(JSON.parse((await second).postData()!)).toMatchObject({ settings: { topK: 7 } });
    await expect
      .poll(async () => (await jobNamed("Moonlit Harbour 12")) as object)
      .toMatchObject({ settings: { topK: 7 } });
    expect(await patches.inputValue()).toBe("7");
    expect(faults).toEqual([]);
    await context.close();
  });

  it("leave a priority as it was asked for, and a refused one goes back", async () => {
    await fetch(`${double.url}api/v1/double/farm`);
    const { context, page, faults } = await openPage(browser);
    await page.goto(`${double.url}#/farm`);
    const priority = page.getByLabel("Priority of Nightly Ferry 3.cbz");
    let letThrough!: () => void;
    const held = new Promise<void>((resolve) => (letThrough = resolve));
    const pattern = "**/farm/chapters/*";
    await page.route(pattern, (route) => held.then(() => route.fallback()), { times: 1 });
    const answer = page.waitForResponse(pattern);
    await priority.fill("9");
    await priority.press("Enter");
    await priority.fill("-1");
    await priority.press("Enter");
    await expect.poll(() => priority.inputValue()).toBe("9");
    letThrough();
    await answer;
    await page.route(pattern, (route) =>
      route.fulfill({ status: 503, json: { code: "ERR_QUEUE", detail: "The queue is away", status: 503 } }),
    );
    await priority.fill("7");
    await priority.press("Enter");
    await page.getByText("The queue is away").waitFor();
    await expect.poll(() => priority.inputValue()).toBe("9");
    expect(faults.filter((fault) => !fault.includes("503"))).toEqual([]);
    await context.close();
  });

  it("leave a switch as it was set while events tell of something else", async () => {
    const { context, page, faults } = await openPage(browser);
    await page.goto(await double.address("Paper Lanterns 5"));
    const background = page.getByRole("switch", { name: "In the background" });
    const job = await jobNamed("Paper Lanterns 5");
    const { answered } = await hold(page, `**/jobs/${job.id}`, "PATCH");
    await background.click();
    const answer = await answered;
    await double.tell({ type: "job", job: { ...job, name: "Paper Lanterns 6" } });
    await page.getByText("Paper Lanterns 6").first().waitFor({ state: "attached" });
    expect(await background.isChecked()).toBe(true);
    await double.tell({ type: "job", job: { ...job, background: true } });
    await answer.send();
    await expect.poll(() => background.isChecked()).toBe(true);
    expect(faults).toEqual([]);
    await context.close();
  });
});
