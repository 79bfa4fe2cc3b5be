/** Reads what loggers have written, and gives tests folders for it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, vi } from "vitest";
import { configureComponentLogger, setupLogging } from "../../src/logging.js";

/** A record of a log. */
export type Line = Record<string, unknown>;

/** The records of NDJSON. */
export function parse(text: string): Line[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

/** The records of a log file. */
export function linesOf(path: string): Line[] {
  return parse(readFileSync(path, "utf8"));
}

/** A console that keeps what is written to it. */
export function capture(isTTY = false): { text: string; isTTY: boolean; write(text: string): void } {
  return {
    text: "",
    isTTY,
    write(text) {
      this.text += text;
    },
  };
}

/** Logging that ends with each test, and a new folder for each call, by the tests of a file. */
export function logFolders(): { root(): string; folder(): string } {
  let root: string;
  let count = 0;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "cobra-log-"));
  });
  afterEach(() => {
    setupLogging({ level: "SILENT" });
    for (const name of ["a", "b"]) configureComponentLogger(name);
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return { root: () => root, folder: () => join(root, String(count++)) };
}
