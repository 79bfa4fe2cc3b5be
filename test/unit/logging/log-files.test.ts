// Log files, with real ones: their names, when a new one begins, which are deleted, and what a full disk costs.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { getLogger, setupLogging } from "../../../src/logging.js";
import { capture, linesOf, logFolders, parse } from "../../support/log-lines.js";

const { root, folder } = logFolders();
const WRITER = fileURLToPath(new URL("fixtures/pipe-writer.mjs", import.meta.url));

describe("log files", () => {
  it("are batch_processing_YYYYMMDD_HHMMSS.log in logDir, NDJSON, beside a console", () => {
    const [dir, stream] = [folder(), capture()];
    const { logFiles } = setupLogging({ logDir: dir, stream });
    getLogger("a").info("one");
    expect(readdirSync(dir)).toEqual([expect.stringMatching(/^batch_processing_\d{8}_\d{6}\.log$/u)]);
    expect(linesOf(logFiles[0]!)).toEqual(parse(stream.text));
  });

  it("never share a file, also when two begin in the same second", () => {
    const dir = folder();
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(2026, 10, 22, 13, 30, 5) });
    for (let run = 0; run < 3; run++) {
      setupLogging({ logDir: dir, console: false });
      getLogger("a").info({ run }, "one");
    }
    const names = readdirSync(dir).sort();
    expect(names).toEqual([
      "batch_processing_20261122_133005.log",
      "batch_processing_20261122_133005_1.log",
      "batch_processing_20261122_133005_2.log",
    ]);
    for (const name of names) expect(linesOf(join(dir, name))).toHaveLength(1);
  });

  it("are rotated by size; no line is lost or torn, and only maxFiles are kept, the newest", () => {
    const dir = folder();
    const setup = setupLogging({ logDir: dir, console: false, maxFileBytes: 1000, maxFiles: 12 });
    for (let line = 0; line < 100; line++) getLogger("a").info({ line }, "x".repeat(20));
    const files = readdirSync(dir);
    expect(files).toHaveLength(12);
    const kept = files
      .flatMap((name) => linesOf(join(dir, name)).map((line) => line["line"] as number))
      .sort((a, b) => a - b);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 100 - kept.length + index));
    for (const name of files) expect(readFileSync(join(dir, name)).length).toBeLessThanOrEqual(1000);
    expect(linesOf(setup.logFiles[0]!).at(-1)!["line"]).toBe(99);
  });

  it("are rotated at midnight", () => {
    const dir = folder();
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(2026, 10, 22, 23, 59, 58) });
    setupLogging({ logDir: dir, console: false });
    getLogger("a").info("evening");
    vi.setSystemTime(new Date(2026, 10, 23, 0, 0, 1));
    getLogger("a").info("night");
    getLogger("a").info("night");
    const names = readdirSync(dir).sort();
    expect(names).toEqual(["batch_processing_20261122_235958.log", "batch_processing_20261123_000001.log"]);
    expect(names.map((name) => linesOf(join(dir, name)).length)).toEqual([1, 2]);
  });

  it("are rotated where the clock was set back to another day, and those from the future are deleted first", () => {
    const dir = folder();
    vi.useFakeTimers({ toFake: ["Date"], now: new Date(2030, 0, 1, 12) });
    setupLogging({ logDir: dir, console: false, maxFileBytes: 300, maxFiles: 3 });
    for (let line = 0; line < 6; line++) getLogger("a").info("x".repeat(40));
    vi.setSystemTime(new Date(2026, 10, 23, 12));
    for (let line = 0; line < 6; line++) getLogger("a").info("x".repeat(40));
    expect(readdirSync(dir).every((name) => name.startsWith("batch_processing_20261123_120000"))).toBe(true);
    expect(readdirSync(dir)).toHaveLength(3);
  });

  it("of other jobs that may still run stay, however many share the folder", () => {
    const dir = folder();
    mkdirSync(dir);
    const gone = spawnSync(process.execPath, ["-e", ""]).pid;
    const [hour, day] = [3_600_000, 86_400_000];
    const files: [name: string, pid: number, host: string, silentMs: number, stays: boolean][] = [
      ["batch_processing_20200101_000001.log", process.ppid, hostname(), 10 * day, true],
      ["batch_processing_20200101_000002.log", gone, hostname(), hour / 2, true],
      ["batch_processing_20200101_000003.log", gone, hostname(), 2 * hour, false],
      ["batch_processing_20200101_000004.log", gone, "another-host", 2 * hour, true],
      ["batch_processing_20200101_000005.log", process.ppid, "another-host", 2 * day, false],
    ];
    for (const [name, pid, host, silentMs] of files) {
      writeFileSync(
        join(dir, name),
        `{"level":"INFO","time":"2020-01-01T00:00:01.000Z","pid":${pid},"host":"${host}"}\n`,
      );
      const written = (Date.now() - silentMs) / 1000;
      utimesSync(join(dir, name), written, written);
    }
    setupLogging({ logDir: dir, console: false, maxFiles: 1 });
    const left = readdirSync(dir);
    expect(files.filter(([name]) => left.includes(name)).map(([name]) => name)).toEqual(
      files.filter(([, , , , stays]) => stays).map(([name]) => name),
    );
  });

  it("leave other files of the folder alone", () => {
    const dir = folder();
    setupLogging({ logDir: dir, console: false });
    getLogger("a").info("one");
    for (const name of [
      "batch_processing_notes.log",
      "batch_processing_20200101_000000.log.bak",
      "other_20200101_000000.log",
    ])
      writeFileSync(join(dir, name), "mine");
    setupLogging({ logDir: dir, console: false, maxFiles: 1 });
    expect(readdirSync(dir)).toHaveLength(4);
  });

  it("logFile is appended to, and renamed with a date when full", () => {
    const path = join(folder(), "run.log");
    for (let run = 0; run < 2; run++) {
      setupLogging({ logFile: path, console: false });
      getLogger("a").info({ run }, "one");
    }
    expect(linesOf(path).map((line) => line["run"])).toEqual([0, 1]);
    setupLogging({ logFile: path, console: false, maxFileBytes: 300, maxFiles: 3 });
    for (let line = 0; line < 20; line++) getLogger("a").info({ line }, "two");
    const names = readdirSync(join(path, ".."));
    expect(names).toHaveLength(3);
    expect(names.filter((name) => /^run_\d{8}_\d{6}(_\d+)?\.log$/u.test(name))).toHaveLength(2);
    expect(linesOf(path).at(-1)!["line"]).toBe(19);
  });

  it("a logFile of yesterday is renamed before the first line of today", () => {
    const path = join(folder(), "run.log");
    setupLogging({ logFile: path, console: false });
    getLogger("a").info("old");
    setupLogging({ level: "SILENT" });
    const yesterday = Date.now() / 1000 - 86_400;
    utimesSync(path, yesterday, yesterday);
    setupLogging({ logFile: path, console: false });
    getLogger("a").info("new");
    expect(linesOf(path).map((line) => line["msg"])).toEqual(["new"]);
    expect(readdirSync(join(path, ".."))).toHaveLength(2);
  });

  it.each<[string, string | Uint8Array]>([
    ["a picture", Buffer.from("\x89PNG\r\n\x1a\n", "latin1")],
    ["an archive", Buffer.from("PK\x03\x04 and so on")],
    ["text", "Dear diary,\n"],
    ["other JSON", '{"title":"my chapter"}\n'],
    ["JSON in several lines", '{\n  "level":"INFO"\n}\n'],
    ["other lines of JSON", '{"type":"batch-started"}\n{"level":"INFO"}\n'],
    ["a log of another program", "2026-01-01 13:30:00.123 INFO started\n"],
    ["zeros", Buffer.alloc(100)],
    ["one letter", "x"],
    ["spaces", " ".repeat(4096)],
  ])("a logFile that is %s is refused and left as it is", (_what, content) => {
    const dir = folder();
    mkdirSync(dir);
    const path = join(dir, "001.png");
    writeFileSync(path, content);
    expect(() => setupLogging({ logFile: path, console: false, maxFileBytes: 1 })).toThrow(
      expect.objectContaining({
        code: "ERR_CONFIG",
        message: `the log file ${path} is there and is no log of cobra-batch`,
        remedy: expect.stringContaining("name a new file") as string,
      }),
    );
    getLogger("a").info("one");
    expect(readFileSync(path).equals(Buffer.from(content))).toBe(true);
    expect(readdirSync(dir)).toEqual(["001.png"]);
  });

  it.each([
    ["empty", ""],
    ["an empty line", "\n"],
    ["begun by a full disk", '{"lev\n'],
    ["text of a terminal", "13:30:00.123 WARNING  [batch] message key=value\n"],
  ])("a logFile that is %s is appended to", (_what, content) => {
    const path = join(folder(), "run.log");
    mkdirSync(join(path, ".."));
    writeFileSync(path, content);
    setupLogging({ logFile: path, console: false });
    getLogger("a").info("one");
    expect(readFileSync(path, "utf8").startsWith(content)).toBe(true);
    expect(readFileSync(path, "utf8")).toContain('"msg":"one"');
  });

  it("a last line without its end does not swallow the next one", () => {
    const path = join(folder(), "run.log");
    mkdirSync(join(path, ".."));
    writeFileSync(path, '{"level":"INFO","time":"20');
    setupLogging({ logFile: path, console: false });
    getLogger("a").info("one");
    expect(readFileSync(path, "utf8")).toMatch(/^\{"level":"INFO","time":"20\n\{.*"msg":"one"\}\n$/u);
  });

  it("a logFile that is a link stays one: the file behind it is renamed", () => {
    const dir = folder();
    mkdirSync(join(dir, "disk"), { recursive: true });
    writeFileSync(join(dir, "disk/real.log"), "");
    symlinkSync("disk/real.log", join(dir, "link.log"));
    setupLogging({ logFile: join(dir, "link.log"), console: false, maxFileBytes: 300, maxFiles: 3 });
    for (let line = 0; line < 20; line++) getLogger("a").info({ line }, "two");
    expect(readlinkSync(join(dir, "link.log"))).toBe("disk/real.log");
    expect(readdirSync(dir)).toHaveLength(2);
    expect(readdirSync(join(dir, "disk"))).toHaveLength(3);
  });

  it("a logFile that is a pipe is written to and never renamed; without a reader it is refused", () => {
    const dir = folder();
    mkdirSync(dir);
    const path = join(dir, "pipe");
    spawnSync("mkfifo", [path]);
    expect(() => setupLogging({ logFile: path, console: false })).toThrow(
      expect.objectContaining({
        code: "ERR_CONFIG",
        message: `the log file ${path} is a named pipe that nobody reads`,
      }),
    );
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    setupLogging({ logFile: path, console: false, maxFileBytes: 300 });
    for (let line = 0; line < 20; line++) getLogger("a").info({ line }, "two");
    const bytes = Buffer.alloc(65_536);
    const written = bytes.toString("utf8", 0, readSync(reader, bytes));
    closeSync(reader);
    expect(written.trimEnd().split("\n")).toHaveLength(20);
    expect(readdirSync(dir)).toEqual(["pipe"]);
  });

  it("a pipe whose reader ends with its last writer is opened once", async () => {
    const dir = folder();
    mkdirSync(dir);
    const path = join(dir, "pipe");
    spawnSync("mkfifo", [path]);
    const reader = spawn("cat", [path]);
    const read = text(reader.stdout);
    const { signal } = spawnSync(process.execPath, [WRITER, path], { timeout: 20_000, killSignal: "SIGKILL" });
    if (signal !== null) reader.kill();
    expect(parse(await read)).toMatchObject([{ msg: "one" }]);
  });

  it("a pipe whose reader stands still costs lines, not the work, and tells how many once it goes on", async () => {
    const dir = folder();
    mkdirSync(dir);
    const path = join(dir, "pipe");
    spawnSync("mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const warned = once(process, "warning");
    setupLogging({ logFile: path, console: false });
    for (let line = 0; line < 1000; line++) getLogger("a").info({ line }, "two".repeat(60));
    const bytes = Buffer.alloc(200_000);
    const before = parse(bytes.toString("utf8", 0, readSync(reader, bytes)));
    getLogger("a").info("after");
    const after = parse(bytes.toString("utf8", 0, readSync(reader, bytes)));
    closeSync(reader);
    expect(before.map(({ line }) => line)).toEqual(before.map((_, index) => index));
    expect(await warned).toMatchObject([{ name: "LogWarning", message: expect.stringContaining("EAGAIN") as string }]);
    expect(after).toMatchObject([{ component: "logging", lost: 1000 - before.length }, { msg: "after" }]);
  });

  it("whose names are like a log's and that are none are never deleted: photos of a camera", () => {
    const dir = folder();
    mkdirSync(dir);
    const photos = ["IMG_20200101_000000.jpg", "IMG_20200102_000000.jpg", "IMG_20200103_000000_1.jpg"];
    for (const name of photos) writeFileSync(join(dir, name), "\u00ff\u00d8 a photo");
    writeFileSync(join(dir, "batch_processing_20200101_000000.log"), "mine");
    setupLogging({ logFile: join(dir, "IMG.jpg"), logDir: dir, console: false, maxFiles: 1, maxFileBytes: 1 });
    for (let line = 0; line < 3; line++) getLogger("a").info({ line }, "one");
    expect(readdirSync(dir)).toEqual(expect.arrayContaining([...photos, "batch_processing_20200101_000000.log"]));
  });

  it.each(["moved", "removed with its folder"])(
    "a file that was %s is begun anew, and no other file is closed",
    (how) => {
      const dir = folder();
      mkdirSync(dir, { recursive: true });
      const logFile = join(dir, "a.log");
      setupLogging({ logFile, console: false, maxFileBytes: 2000 });
      getLogger("a").info("first");
      if (how === "moved") renameSync(logFile, `${logFile}.1`);
      else rmSync(dir, { recursive: true });
      const mine = openSync(join(root(), "mine"), "w");
      for (let line = 0; line < 50; line++) {
        getLogger("a").info({ line }, "one more");
        writeSync(mine, "x");
      }
      closeSync(mine);
      expect(readFileSync(join(root(), "mine"), "utf8")).toBe("x".repeat(50));
      const lines = readdirSync(dir)
        .filter((name) => name !== "a.log.1")
        .flatMap((name) => linesOf(join(dir, name)));
      expect(new Set(lines.map(({ line }) => line)).size).toBe(50);
      if (how === "moved") expect(linesOf(`${logFile}.1`)).toMatchObject([{ msg: "first" }]);
    },
  );

  it("a file that cannot be renamed takes the further lines, and is not closed", () => {
    const dir = folder();
    mkdirSync(dir, { recursive: true });
    const logFile = join(dir, `${"a".repeat(240)}.log`); // its dated name is too long
    setupLogging({ logFile, console: false, maxFileBytes: 500 });
    const mine = openSync(join(root(), "mine"), "w");
    for (let line = 0; line < 20; line++) {
      getLogger("a").info({ line }, "one more");
      writeSync(mine, "x");
    }
    closeSync(mine);
    expect(linesOf(logFile)).toHaveLength(20);
    expect(readdirSync(dir)).toHaveLength(1);
  });

  it("lines that are lost are told once", async () => {
    const warned: Error[] = [];
    const listen = (warning: Error): void => void warned.push(warning);
    process.on("warning", listen);
    setupLogging({ logFile: "/dev/full", console: false });
    for (let line = 0; line < 3; line++) getLogger("a").info("no room");
    await new Promise(setImmediate);
    process.off("warning", listen);
    expect(warned.map(({ name, message }) => `${name}: ${message}`)).toEqual([
      expect.stringContaining("LogWarning: log lines cannot be written to /dev/full: ENOSPC"),
    ]);
  });

  it("a full disk does not reach the work", () => {
    setupLogging({ logFile: "/dev/full", console: false });
    expect(() => getLogger("a").fatal("no room")).not.toThrow();
  });
});
