/** A real browser for tests of the web page: Chromium through playwright-core, and axe-core's rules. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Path of the browser: `COBRA_CHROMIUM`, or the system's. */
export const CHROMIUM =
  process.env["COBRA_CHROMIUM"] ??
  NAMES.map((name) => spawnSync("which", [name], { encoding: "utf8" }).stdout.trim()).find(Boolean);

/** Why tests in a browser are skipped, or undefined where there is one. */
export const NO_CHROMIUM =
  CHROMIUM === undefined ? "no Chromium; install it: apt-get install -y --no-install-recommends chromium" : undefined;

/** Starts the browser. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

/** A page, and what went wrong in it: errors of scripts, and breaches of the content security policy. */
export interface WatchedPage {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly faults: string[];
}

/** How many times slower the page's processor is: tests must not depend on it (`COBRA_SLOWER_PAGE=6`). */
const SLOWER = Number(process.env["COBRA_SLOWER_PAGE"] ?? "1");

/** Network errors are what some tests are about; the page itself says them. */
const NETWORK = /net::|Failed to load resource/;

/** Opens a page of its own context. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !NETWORK.test(message.text())) faults.push(message.text());
  });
  page.setDefaultTimeout(60_000);
  if (SLOWER > 1) {
    const session = await context.newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  }
  return { context, page, faults };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Violations of axe's rules on the page as it is, one line each. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
        }>;
      };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary ?? ""}`),
    );
  });
}

/** A process that prints its address in its first line of output. */
export interface AddressedProcess {
  readonly child: ChildProcess;
  readonly url: string;
}

/** Starts a process and waits for its address. */
export async function startAddressed(command: string, args: readonly string[], env = {}): Promise<AddressedProcess> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  const lines = createInterface({ input: child.stdout! });
  for await (const line of lines) {
    const url = /https?:\/\/\S+/.exec(line)?.[0];
    if (url) return { child, url: url.endsWith("/") ? url : `${url}/` };
  }
  throw new Error(`${command} ${args.join(" ")} ended without an address`);
}
