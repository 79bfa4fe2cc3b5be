// A browser, and a double of the web page's API that has every state at once.
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchBrowser, startAddressed } from "./browser.js";

export interface DoubleJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly position?: number;
}

export interface PageDouble extends AsyncDisposable {
  readonly browser: Browser;
  /** Address of the page. */
  readonly url: string;
  jobs(): Promise<DoubleJob[]>;
  /** Address of the chapter of that name. */
  address(name: string): Promise<string>;
  /** Sends an event to all pages. What the API answers does not change by it. */
  tell(event: object): Promise<void>;
}

/** Starts both. */
export async function startPageDouble(): Promise<PageDouble> {
  const script = join(import.meta.dirname, "api-double.mjs");
  const [browser, { url, child }] = await Promise.all([launchBrowser(), startAddressed(process.execPath, [script])]);
  const jobs = async (): Promise<DoubleJob[]> => (await fetch(`${url}api/v1/jobs`)).json() as Promise<DoubleJob[]>;
  return {
    browser,
    url,
    jobs,
    address: async (name) => `${url}#/jobs/${(await jobs()).find((job) => job.name === name)!.id}`,
    tell: async (event) =>
      void (await fetch(`${url}api/v1/double/tell`, { method: "POST", body: JSON.stringify(event) })),
    async [Symbol.asyncDispose]() {
      await browser.close();
      child.kill();
    },
  };
}
