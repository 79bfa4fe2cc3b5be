// The web page in a browser: the time between two frames while a draft of 2,000 pages is scrolled as a hand
// does, 3,000 pixels a second, against scrolling an empty page of the same height in the same browser. Needs Chromium
// (COBRA_CHROMIUM).
// node bench/web-page.mjs [--seconds 4] [--speed 3000] [--rounds 3]
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    speed: { type: "string", default: "3000" },
  },
});
const DOUBLE = new URL("../test/support/api-double.mjs", import.meta.url).pathname;

const double = spawn(process.execPath, [DOUBLE], { stdio: ["ignore", "pipe", "inherit"] });
const url = await new Promise((resolve) => createInterface({ input: double.stdout }).once("line", resolve));
const jobs = await (await fetch(`${url}api/v1/jobs`)).json();
const { id } = jobs.find(({ counts }) => counts.pages >= 1900);
const browser = await chromium.launch({
  executablePath: process.env.COBRA_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

/** Milliseconds between frames while the window scrolls from its top. */
function scrolled({ ms, speed }) {
  return new Promise((resolve) => {
    const height = document.documentElement.scrollHeight - innerHeight;
    const frames = [];
    const began = performance.now();
    let last = began;
    const step = (now) => {
      frames.push(now - last);
      last = now;
      scrollTo({ top: (speed * (now - began)) / 1000, behavior: "instant" });
      if (now - began < ms) requestAnimationFrame(step);
      else resolve({ height, frames: frames.slice(1) });
    };
    requestAnimationFrame(step);
  });
}

const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor((list.length - 1) * share)];
const rounds = [];
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const empty = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.setDefaultTimeout(120_000);
  await page.goto(`${url}#/jobs/${id}`);
  await page.locator(".tile").first().waitFor();
  const way = { ms: Number(values.seconds) * 1000, speed: Number(values.speed) };
  for (let round = 0; round <= Number(values.rounds); round++) {
    await page.bringToFront();
    const full = await page.evaluate(scrolled, way);
    await empty.bringToFront();
    await empty.setContent(`<div style="height: ${full.height + 860}px"></div>`);
    const bare = await empty.evaluate(scrolled, way);
    if (round === 0) continue; // thumbnails are made and cached
    const facts = ({ frames }) => ({
      frames: frames.length,
      medianMs: at(frames, 0.5),
      worstOf100Ms: at(frames, 0.99),
    });
    rounds.push({ full: facts(full), bare: facts(bare), ratio: full.frames.length / bare.frames.length });
  }
} finally {
  await browser.close();
  double.kill();
}
const ratio = at(
  rounds.map((one) => one.ratio),
  0.5,
);
process.stdout.write(`${JSON.stringify({ rounds, ratio }, undefined, 2)}\n`);
