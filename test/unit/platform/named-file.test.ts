/** Files that a person names, and what else may be there: pipes with and without a writer, devices, folders. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ConfigurationHandler } from "../../../src/config/configuration-handler.js";
import { readCatalogue } from "../../../src/install/catalogue/read-catalogue.js";
import { readNamedFile } from "../../../src/platform/named-file.js";
import { readReport } from "../../../src/tune/report/read-report.js";
import { listChapters } from "../../../src/ui/cli/actions/chapter-list.js";

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cobra-named-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function pipe(): Promise<string> {
  const path = join(await folder(), "pipe");
  execFileSync("mkfifo", [path]);
  return path;
}

describe("a file that a person names", () => {
  it("is read whole, up to a limit", async () => {
    const path = join(await folder(), "a.json");
    await writeFile(path, "{}");
    expect(String(await readNamedFile(path))).toBe("{}");
    await expect(readNamedFile(path, { maxBytes: 1 })).rejects.toThrow("it has more than 1 bytes");
  });

  it("may be a pipe that something writes to, as <(command) of a shell", async () => {
    const path = await pipe();
    const writer = spawn("sh", ["-c", 'exec 3<> "$0"; echo open; read line; printf %100000s x >&3', path], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    await once(writer.stdout, "data");
    const read = readNamedFile(path);
    writer.stdin.end("\n");
    expect((await read).byteLength).toBe(100_000);
  });

  it("is not waited for where it is a pipe without a writer, by any reader of such files", async () => {
    const path = await pipe();
    const nobody = /empty pipe that nothing writes to/u;
    await expect(readNamedFile(path)).rejects.toThrow(nobody);
    await expect(new ConfigurationHandler().loadConfigFile(path)).rejects.toThrow(nobody);
    await expect(listChapters([], { fromFile: path })).rejects.toThrow(nobody);
    await expect(readReport(path)).rejects.toThrow(nobody);
    await expect(readCatalogue(path, () => expect.fail("it is no address"))).rejects.toThrow(nobody);
  });

  it("is waited for no more once a signal aborts, where a writer stays silent", async () => {
    const path = await pipe();
    const writer = spawn("sh", ["-c", 'exec 3<> "$0"; echo open; read line', path], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    await once(writer.stdout, "data");
    for (const read of [
      (signal: AbortSignal) => readNamedFile(path, { signal }),
      (signal: AbortSignal) => new ConfigurationHandler().loadConfigFile(path, { signal }),
      (signal: AbortSignal) => listChapters([], { fromFile: path }, signal),
    ]) {
      const stop = new AbortController();
      const reading = read(stop.signal);
      const reason = new Error("enough");
      setImmediate(() => stop.abort(reason));
      await expect(reading).rejects.toBe(reason);
    }
    writer.stdin.end("\n");
    await once(writer, "close");
  });

  it("is said to be a device or a folder", async () => {
    await expect(readNamedFile("/dev/zero")).rejects.toThrow("it is a device, not a file");
    await expect(readNamedFile(await folder())).rejects.toMatchObject({ code: "EISDIR" });
  });
});
