/**
 * Calls with wrong types into logging and memory: a coded error that names the value and the rule, never a TypeError.
 */
import { describe, expect, it } from "vitest";
import {
  configureComponentLogger,
  getLogger,
  MemoryManager,
  setupLogging,
  withLogContext,
  type LoggingOptions,
} from "../../src/index.js";
import { MemoryLedger } from "../../src/memory/ledger.js";

const wrong = (value: unknown): never => value as never;

const manager = (options: object = {}): MemoryManager =>
  new MemoryManager({
    needs: { sharedBytes: () => 1, pageBytes: () => 1 },
    arenas: () => [],
    shrinkArenas: async () => undefined,
    ...options,
  });

describe("wrong types", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["setupLogging(null)", () => setupLogging(wrong(null)), /the logging options is null; it must be an object/],
    ["a level", () => setupLogging({ level: wrong(7) }), /the log level is 7; the levels are DEBUG/],
    ["a symbol as level", () => setupLogging({ level: wrong(Symbol("x")) }), /the log level is Symbol\(x\)/],
    ["maxFiles", () => setupLogging({ maxFiles: 0 }), /maxFiles is 0; it must be a whole number above 0/],
    ["logFile", () => setupLogging({ logFile: wrong({}) }), /logFile is {}; it must be a path/],
    ["logDir", () => setupLogging({ logDir: "" }), /logDir is ""; it must be a path/],
    ["format", () => setupLogging({ format: wrong("xml") }), /format is "xml"; it must be "text" or "json"/],
    ["stream", () => setupLogging({ stream: wrong("stderr") } as LoggingOptions), /stream is "stderr"/],
    ["getLogger()", () => getLogger(wrong(undefined)), /the component is undefined; it must be a name/],
    ["a component", () => configureComponentLogger(wrong({}), "DEBUG"), /the component is {}; it must be a name/],
    ["withLogContext", () => withLogContext({}, wrong(1)), /work is 1; it must be a function/],
    ["a threshold", () => manager({ threshold: "0.5x" }), /the memory threshold is "0.5x"; it must be above 0/],
    ["a budget", () => manager({ budgetBytes: null }), /the memory budget in bytes is null; it must be 1 or more/],
    ["a page's size", () => manager().estimateMemoryRequired(wrong(undefined)), /the page's size is undefined/],
    ["a size of 0", () => manager().estimateMemoryRequired([0, 5]), /the page's size is \[Array\]|\[ 0, 5 \]/],
    ["topK", () => manager().estimateMemoryRequired([5, 5], { topK: wrong("3") }), /topK is "3"/],
    ["an owner", () => new MemoryLedger(1).reserve(wrong(1), 1), /the owner is 1; it must be a string/],
    ["bytes", () => new MemoryLedger(1).reserve("a", wrong("1")), /the number of bytes is "1"; it must be a number/],
    ["negative bytes", () => new MemoryLedger(1).hold("a", -1), /the number of bytes is -1/],
  ])("%s", (_what, call, message) => {
    expect(call).toThrow(
      expect.objectContaining({ code: "ERR_ARGUMENT", message: expect.stringMatching(message) as string }),
    );
  });
});
