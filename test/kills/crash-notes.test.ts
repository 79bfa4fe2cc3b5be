/** Crash notes: each way to die in a process of its own, its note read here. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { readCrashNotes } from "../../src/binding/crash-notes.js";
import { runFixture, type ChildResult } from "../support/child.js";

const folder = mkdtempSync(join(tmpdir(), "cobra-crash-notes-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const file = join(folder, "notes.ndjson");
beforeEach(() => {
  rmSync(file, { force: true });
});

const MARKS = [
  { slot: 0, text: 'page "a\\b\n猫".png' },
  { slot: 1, text: "second stage" },
];

function die(how: string, argument = "", nodeArgs: string[] = []): Promise<ChildResult> {
  return runFixture("native/fixtures/crash-notes.mjs", { args: [file, how, argument], nodeArgs });
}

const hasCompiler = spawnSync("cc", ["--version"]).status === 0;

/** A library that does something as it is loaded. */
function library(name: string, body: string): string {
  const path = join(folder, `${name}.so`);
  writeFileSync(join(folder, `${name}.c`), body);
  execFileSync("cc", ["-shared", "-fPIC", "-O0", "-pthread", "-Wl,-z,nodelete", "-o", path, join(folder, `${name}.c`)]);
  return path;
}

describe("a process that dies by", () => {
  test.each(["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"])(
    "%s leaves its note, and dies by it",
    async (signal) => {
      const before = Date.now();
      const result = await die("signal", signal);
      expect(result).toMatchObject({ code: null, signal });
      const [note, ...more] = await readCrashNotes(file);
      expect(more).toEqual([]);
      expect(note).toMatchObject({ signal, marks: MARKS, thread: expect.any(String) as unknown });
      expect([note!.sender, note!.memory]).toEqual([undefined, undefined]);
      expect(note!.tid).toBe(note!.pid);
      expect(note!.time).toBeGreaterThanOrEqual(before - 1000);
      expect(note!.time).toBeLessThanOrEqual(Date.now() + 1000);
    },
  );

  test("abort() leaves one", async () => {
    expect((await die("abort")).signal).toBe("SIGABRT");
    expect(await readCrashNotes(file)).toMatchObject([{ signal: "SIGABRT", marks: MARKS }]);
  });

  test("want of memory in V8 leaves one that says so", async () => {
    const { signal } = await die("memory", "", ["--max-old-space-size=20"]);
    expect(["SIGABRT", "SIGTRAP", "SIGILL"]).toContain(signal);
    expect(await readCrashNotes(file)).toMatchObject([{ signal, memory: true, marks: MARKS }]);
  });

  test("want of address space leaves one that says so", async () => {
    const { signal } = await die("limit");
    expect(["SIGABRT", "SIGTRAP", "SIGILL"]).toContain(signal);
    expect(await readCrashNotes(file)).toMatchObject([{ signal, memory: true, marks: MARKS }]);
  });

  test("a signal that another process has queued leaves one that names the process", async () => {
    expect((await die("queued", "SIGSEGV")).signal).toBe("SIGSEGV");
    const [note] = await readCrashNotes(file);
    expect(note).toMatchObject({ signal: "SIGSEGV", sender: expect.any(Number) as number });
    expect(note!.sender).not.toBe(note!.pid);
  });

  test("SIGKILL leaves none", async () => {
    expect((await die("signal", "SIGKILL")).signal).toBe("SIGKILL");
    expect(await readCrashNotes(file)).toEqual([]);
  });
});

describe.skipIf(!hasCompiler)("a fault in native code", () => {
  test("reading at address 0 leaves a note", async () => {
    const path = library("null", "__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }");
    expect((await die("library", path)).signal).toBe("SIGSEGV");
    expect(await readCrashNotes(file)).toMatchObject([{ signal: "SIGSEGV", marks: MARKS }]);
  });

  test("a stack that overflows leaves a note", async () => {
    const path = library(
      "stack",
      "static int g(volatile int *p) { volatile int a[4096]; a[0] = p[0]; return g(a) + a[0]; } __attribute__((constructor)) static void f(void) { volatile int x = 1; g(&x); }",
    );
    expect((await die("library", path)).signal).toBe("SIGSEGV");
    expect(await readCrashNotes(file)).toMatchObject([{ signal: "SIGSEGV", marks: MARKS }]);
  });

  test("in several threads at once leaves one whole note", async () => {
    const path = library(
      "threads",
      "#include <pthread.h>\n#include <unistd.h>\nstatic void *t(void *a) { *(volatile int *)0 = 1; return a; } __attribute__((constructor)) static void f(void) { pthread_t p[8]; for (int i = 0; i < 8; i++) pthread_create(&p[i], 0, t, 0); for (;;) pause(); }",
    );
    for (let time = 0; time < 5; time++) {
      expect((await die("library", path)).signal).toBe("SIGSEGV");
      const notes = await readCrashNotes(file);
      expect(notes).toHaveLength(time + 1);
      expect(notes.at(-1)).toMatchObject({ signal: "SIGSEGV", marks: MARKS });
    }
  });

  test("of a worker thread is noted with the marks of all threads", async () => {
    const path = library("null", "__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }");
    expect((await die("worker", path)).signal).toBe("SIGSEGV");
    const [note] = await readCrashNotes(file);
    expect(note).toMatchObject({ signal: "SIGSEGV", marks: [...MARKS, { slot: 2, text: "the worker's" }] });
    expect(note!.tid).not.toBe(note!.pid);
  });
});

test("a worker thread that ends takes its marks along, and the notes stay open", async () => {
  expect((await die("worker", "again")).signal).toBe("SIGABRT");
  expect(await readCrashNotes(file)).toMatchObject([{ signal: "SIGABRT", marks: MARKS }]);
});

test("a trap of WebAssembly is an exception as before, not a crash", async () => {
  expect(await die("wasm")).toMatchObject({ signal: "SIGSEGV", stdout: "RuntimeError" });
  expect(await readCrashNotes(file)).toHaveLength(1);
});

test("after close() nothing is noted and no empty file stays", async () => {
  expect((await die("closed")).signal).toBe("SIGSEGV");
  expect(existsSync(file)).toBe(false);
  expect(await readCrashNotes(file)).toEqual([]);
});

test("notes are shared by those who name the same file, until the last closes; another file is refused", async () => {
  expect(await die("shared")).toMatchObject({ signal: "SIGBUS", stdout: "ERR_OUTPUT_WRITE" });
  expect(await readCrashNotes(file)).toMatchObject([{ signal: "SIGBUS", marks: [{ text: "the other's" }] }]);
});

test("a handler of the host runs after the note", async () => {
  expect(await die("host")).toMatchObject({ code: 0, stdout: "seen" });
  expect(await readCrashNotes(file)).toMatchObject([{ signal: "SIGTRAP", marks: [{ text: "host" }] }]);
});

describe.skipIf(!hasCompiler)("a host whose handler calls ours", () => {
  const chain = (): string =>
    library(
      "chain",
      `#include <signal.h>
static struct sigaction old[65], own;
static void f(int s, siginfo_t *i, void *c) { if (old[s].sa_sigaction) old[s].sa_sigaction(s, i, c); }
__attribute__((constructor)) static void g(void) {
  own.sa_sigaction = f; own.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &own, &old[SIGSEGV]); sigaction(SIGBUS, &own, &old[SIGBUS]);
}`,
    );

  test.each([
    ["after close()", "", "SIGSEGV", 0],
    ["after close(), by a signal that was sent", "+sent", "SIGBUS", 0],
    ["after close() and another open, with its note", "+reopen", "SIGSEGV", 1],
  ])("dies by the signal and does not go round in circles: %s", async (_when, then, signal, notes) => {
    expect(await die("chained", chain() + then)).toMatchObject({ code: null, signal });
    expect(existsSync(file) ? await readCrashNotes(file) : []).toHaveLength(notes);
  });
});

test("lines that are not whole are left out; a folder that is missing is told", async () => {
  writeFileSync(file, '{"signal":"SIGBUS","time":1,"pid":2,"tid":2,"thread":"x","marks":[]}\n\n[]\n{"signal":"SIG');
  expect(await readCrashNotes(file)).toHaveLength(1);
  const { openCrashNotes } = await import("../../src/binding/crash-notes.js");
  expect(() => openCrashNotes(join(folder, "missing/notes"))).toThrow(
    expect.objectContaining({ code: "ERR_OUTPUT_WRITE", message: expect.stringContaining("No such file") as unknown }),
  );
});
