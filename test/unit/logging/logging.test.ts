// The rules for logging, with real files: levels, ids, what a line looks like, where lines go.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import {
  configureComponentLogger,
  getLogger,
  setupLogging,
  withLogContext,
  type LogLevel,
} from "../../../src/logging.js";
import { capture, linesOf, logFolders, parse } from "../../support/log-lines.js";

const { root, folder } = logFolders();

describe("setupLogging", () => {
  it("writes nothing anywhere before it is called, and nothing after SILENT", () => {
    const write = vi.spyOn(process.stderr, "write");
    getLogger("a").fatal("unheard");
    expect(getLogger("a").isLevelEnabled("fatal")).toBe(false);
    setupLogging({ level: "SILENT", logDir: join(root(), "never") });
    getLogger("a").fatal("unheard");
    expect(write).not.toHaveBeenCalled();
    expect(existsSync(join(root(), "never"))).toBe(false);
  });

  it("writes out what could steer a terminal or end a line, and the text is the same once it is read", () => {
    const logFile = join(folder(), "a.log");
    const name = "a\u202eb\u2028c\u009bd\u2066\n\u001b[31m";
    setupLogging({ console: false, logFile });
    getLogger("a").info({ name }, name);
    const text = readFileSync(logFile, "utf8");
    expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202e\u2066](?!$)/u);
    expect(linesOf(logFile)).toMatchObject([{ name, msg: name }]);
  });

  it("knows the levels DEBUG INFO WARNING ERROR CRITICAL and writes those from the one asked for", () => {
    const stream = capture();
    const written = (level: LogLevel): unknown[] => {
      stream.text = "";
      setupLogging({ level, stream });
      const log = getLogger("a");
      for (const call of ["debug", "info", "warn", "error", "fatal"] as const) log[call](call);
      return parse(stream.text).map((line) => line["level"]);
    };
    expect(written("DEBUG")).toEqual(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]);
    expect(written("WARNING")).toEqual(["WARNING", "ERROR", "CRITICAL"]);
    expect(written("critical" as LogLevel)).toEqual(["CRITICAL"]);
  });

  it("puts an ISO time with milliseconds, level, process, host, component, job and page on a line", () => {
    const stream = capture();
    setupLogging({ stream });
    withLogContext({ job: "j1" }, () =>
      withLogContext({ page: "p1.png" }, () => getLogger("a").info({ ms: 12 }, "page done")),
    );
    const [line] = parse(stream.text);
    expect(line).toEqual({
      level: "INFO",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u),
      pid: process.pid,
      host: hostname(),
      component: "a",
      job: "j1",
      page: "p1.png",
      ms: 12,
      msg: "page done",
    });
  });

  it("keeps the ids of several pages in flight apart", async () => {
    const stream = capture();
    setupLogging({ stream });
    const page = (name: string): Promise<void> =>
      withLogContext({ page: name }, async () => {
        for (let step = 0; step < 5; step++) {
          await sleep((step * 7 + Number(name) * 5) % 4);
          getLogger("a").info({ expected: name }, "step");
        }
      });
    await Promise.all(["1", "2", "3"].map(page));
    const lines = parse(stream.text);
    expect(lines).toHaveLength(15);
    for (const line of lines) expect(line["page"]).toBe(line["expected"]);
  });

  it("writes text for people to a terminal, NDJSON elsewhere, and the other where asked", () => {
    const [terminal, pipe, forced] = [capture(true), capture(), capture()];
    vi.stubEnv("NO_COLOR", "1");
    setupLogging({ stream: terminal });
    getLogger("a").warn({ page: "p 1.png", ms: 3 }, "slow");
    expect(terminal.text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARNING {2}\[a\] slow page="p 1\.png" ms=3\n$/u);
    vi.unstubAllEnvs();
    setupLogging({ stream: pipe });
    getLogger("a").warn("slow");
    expect(parse(pipe.text)).toHaveLength(1);
    setupLogging({ stream: forced, format: "text" });
    getLogger("a").warn("slow");
    expect(forced.text).toMatch(/ \[a\] slow\n$/u);
  });

  it("writes out control characters in text, so that a page's name cannot steer a terminal or forge a line", () => {
    const stream = capture();
    setupLogging({ stream, format: "text" });
    getLogger("a").info({ page: "\u001b[2Jx\n12:00:00 CRITICAL forged" }, "done\r\u202e");
    expect(stream.text.split("\n")).toHaveLength(2);
    // oxlint-disable-next-line no-control-regex
    expect(stream.text).not.toMatch(/[\u001b\r\u202e]/u);
  });

  it("shows an error's stack", () => {
    const stream = capture();
    setupLogging({ stream, format: "text" });
    getLogger("a").error({ err: new Error("broken") }, "failed");
    expect(stream.text).toMatch(/failed\n {4}Error: broken\n {4} +at /u);
  });

  it("replaces what was set up before; an old set-up's close changes nothing then", () => {
    const [first, second] = [capture(), capture()];
    const old = setupLogging({ stream: first });
    setupLogging({ stream: second });
    old.close();
    getLogger("a").info("one");
    expect([first.text, parse(second.text).length]).toEqual(["", 1]);
  });

  it.each([
    [{ level: "LOUD" as LogLevel }, /"LOUD"; the levels are DEBUG/u],
    [{ components: { a: "x" as LogLevel } }, /log level of "a" is "x"/u],
    [{ maxFiles: 0 }, /maxFiles is 0/u],
    [{ maxFileBytes: 1.5 }, /maxFileBytes is 1.5/u],
  ])("refuses %o and leaves logging as it was", (options, message) => {
    const stream = capture();
    setupLogging({ stream });
    expect(() => setupLogging(options)).toThrow(
      expect.objectContaining({ code: "ERR_ARGUMENT", message: expect.stringMatching(message) as string }),
    );
    getLogger("a").info("still here");
    expect(parse(stream.text)).toHaveLength(1);
  });

  it("says which file cannot be opened and what to do", () => {
    writeFileSync(join(root(), "file"), "");
    expect(() => setupLogging({ logDir: join(root(), "file", "logs") })).toThrow(
      expect.objectContaining({
        code: "ERR_OUTPUT_WRITE",
        message: expect.stringMatching(/batch_processing\.log cannot be opened /u) as string,
        remedy: "name another folder or leave it out",
      }),
    );
  });
});

describe("configureComponentLogger", () => {
  it("gives one component a level of its own, before and after the set-up, and takes it away again", () => {
    const stream = capture();
    configureComponentLogger("a", "DEBUG");
    setupLogging({ stream, level: "WARNING" });
    getLogger("a").debug("1");
    getLogger("b").info("not this");
    configureComponentLogger("b", "INFO").info("2");
    configureComponentLogger("a");
    getLogger("a").info("nor this");
    expect(parse(stream.text).map((line) => line["msg"])).toEqual(["1", "2"]);
    expect(() => configureComponentLogger("a", "x" as LogLevel)).toThrow(
      expect.objectContaining({ code: "ERR_ARGUMENT" }),
    );
  });

  it("makes one logger a component, however often it is asked", () => {
    expect(getLogger("a")).toBe(getLogger("a"));
  });
});
