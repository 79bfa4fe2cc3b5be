// How an installation is shown: one line that fits a terminal, lines on a pipe, JSON lines that the schema knows.
import { expect, it } from "vitest";
import type { FetchProgress } from "../../../../src/install/fetch/meter.js";
import { InstallReporter } from "../../../../src/ui/cli/output/install-reporter.js";
import { jsonLine } from "../../../../src/ui/cli/output/json-lines.js";
import { textWidth } from "../../../../src/ui/cli/output/terminal-text.js";

const at = (percent: number, doneFiles = 3): FetchProgress => ({
  doneBytes: percent * 76_000_000,
  totalBytes: 7_600_000_000,
  doneFiles,
  totalFiles: 16,
  bytesPerSecond: percent === 0 ? undefined : 34_500_000,
  leftMs: percent === 0 ? undefined : 190_000,
});

function reporterOn(out: { isTTY?: boolean; json?: boolean }): {
  reporter: InstallReporter;
  text: () => string;
  json: () => string;
  tick: (ms: number) => void;
} {
  let [text, json, now] = ["", "", 0];
  const reporter = new InstallReporter({
    err: { isTTY: out.isTTY === true, columns: 80, write: (piece) => (text += piece) },
    json: out.json === true ? { write: (piece) => (json += piece) } : undefined,
    now: () => now,
  });
  return { reporter, text: () => text, json: () => json, tick: (ms) => (now += ms) };
}

it("rewrites one line on a terminal, five times a second, and never breaks it", () => {
  const { reporter, text, tick } = reporterOn({ isTTY: true });
  reporter.onEvent({ type: "fetching", progress: at(0) });
  for (let percent = 1; percent <= 99; percent++) {
    tick(100);
    reporter.onEvent({ type: "fetching", progress: at(percent) });
  }
  reporter.onEvent({ type: "checking", path: `/a/${"long/".repeat(40)}name` });
  reporter.onEvent({ type: "building", progress: { part: "denoiser.onnx", doneBytes: 5, totalBytes: 10 } });
  reporter.stop();
  const lines = text().split("\r\u001b[2K");
  expect(lines.length).toBeLessThan(60);
  expect(lines.every((line) => textWidth(line) < 80 && !line.includes("\n"))).toBe(true);
  expect(lines).toContain("fetching 3/16 files, 3.8 GB of 7.6 GB (50%), 34.5 MB/s, about 3 min 10 s left");
  expect(lines.slice(-2)).toEqual(["writing denoiser.onnx  50%", ""]);
});

it("writes a line for each ten percent on a pipe, and each network", () => {
  const { reporter, text } = reporterOn({});
  for (let percent = 0; percent <= 100; percent++)
    reporter.onEvent({ type: "fetching", progress: at(percent, percent === 100 ? 16 : 3) });
  reporter.onEvent({ type: "retrying", message: "LE/erika.pth: the connection broke\u001b[2J", waitMs: 4000 });
  for (const part of ["denoiser.onnx", "denoiser.onnx", "hash"])
    reporter.onEvent({ type: "building", progress: { part, doneBytes: 5, totalBytes: 10 } });
  const lines = text().split("\n");
  expect(lines).toHaveLength(1 + 9 + 1 + 1 + 2 + 1);
  expect(lines[0]).toBe("fetching 16 files, 7.6 GB");
  expect(lines[5]).toBe("fetching 3/16 files, 3.8 GB of 7.6 GB (50%), 34.5 MB/s, about 3 min 10 s left");
  expect(lines.slice(10)).toEqual([
    "fetched 16 files, 7.6 GB",
    "LE/erika.pth: the connection broke\\u001b[2J; trying again in 4 s",
    "writing denoiser.onnx",
    "hashing the files",
    "",
  ]);
});

it("writes JSON lines of the schema, one a second at most, and nothing for people", () => {
  const { reporter, text, json, tick } = reporterOn({ json: true });
  for (let percent = 0; percent <= 100; percent++) {
    reporter.onEvent({ type: "fetching", progress: at(percent, percent === 100 ? 16 : 3) });
    tick(100);
  }
  reporter.onEvent({ type: "waiting", message: "another process installs" });
  reporter.onEvent({ type: "building", progress: { part: "hash", doneBytes: 10, totalBytes: 10 } });
  const lines = json()
    .trimEnd()
    .split("\n")
    .map((line) => jsonLine.parse(JSON.parse(line)));
  expect(lines.map(({ type }) => type)).toEqual([
    ...Array<string>(11).fill("model-fetching"),
    "warning",
    "model-building",
  ]);
  expect(text()).toBe("");
});
