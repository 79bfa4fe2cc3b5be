// A run that is given up while other files are copied: it ends at once, and the next one completes the output.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseBatchConfig } from "../../../../src/config/batch-config.js";
import { runBatch } from "../../../../src/core/run-batch.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import type { PageSource } from "../../../../src/io/page-source.js";
import { colourPage, onlyPage, writeFolder } from "../../../support/chapter.js";
import { paperEngine } from "../../../support/paper-engine.js";

let root: string;
const at = (name: string): string => join(root, name);
const TEXTS = ["a.txt", "b.txt", "c.txt"];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-aborted-copy-"));
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  const texts = Object.fromEntries(TEXTS.map((name) => [name, Buffer.from(name)]));
  await writeFolder(at("in"), { "1.png": await onlyPage(1), ...texts });
});
afterEach(() => rm(root, { recursive: true, force: true }));

it.each([{ outputDir: "out" }, { outputZip: "out.cbz" }])("%j", async (output) => {
  const [[key, name]] = Object.entries(output) as [[string, string]];
  const { config } = parseBatchConfig({ inputDir: at("in"), referenceImages: [at("refs")], [key]: at(name) });
  const stop = new AbortController();
  const reason = new Error("enough");
  let isPacked = false;
  /** Gives up as soon as the second file is read after the page is done. */
  const openInput = async (path: string): Promise<PageSource> => {
    const source = await openPageSource(path);
    const entries = source.entries().map((entry) => {
      if (entry.name !== "b.txt") return entry;
      async function* chunks(): AsyncGenerator<Uint8Array> {
        if (isPacked) stop.abort(reason);
        yield await entry.read();
      }
      return { ...entry, chunks };
    });
    return { path: source.path, entries: () => entries, faults: source.faults, close: () => source.close() };
  };
  const onEvent = ({ type }: { type: string }): void => void (isPacked ||= type === "page-completed");
  await expect(runBatch(paperEngine(), config, { openInput, signal: stop.signal, onEvent })).rejects.toBe(reason);
  expect(await readdir(root)).not.toContain("out.cbz");
  const engine = paperEngine();
  expect(await runBatch(engine, config)).toMatchObject({ completed: 1, unfinished: 0 });
  expect(engine.requests).toEqual([]);
  const source = await openPageSource(at(name));
  expect(source.entries().map((entry) => entry.name)).toEqual(expect.arrayContaining(TEXTS));
  await source.close();
});
