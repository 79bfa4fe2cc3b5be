// Shards beside other work: one that goes on while it is joined, and an output that is named by a link.
import { appendFileSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, afterEach, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfig } from "../../../src/config/batch-config.js";
import type { RunBatchOptions } from "../../../src/core/run-batch.js";
import { assembleShards, outputOfShards } from "../../../src/farm/shards/assemble.js";
import { runShard } from "../../../src/farm/shards/run-shard.js";
import { shardFolder } from "../../../src/farm/shards/shard-folder.js";
import { planShards } from "../../../src/farm/shards/shard-plan.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { chapterFiles, writeFolder } from "../../support/chapter.js";
import { paperEngine } from "../../support/paper-engine.js";

let root: string;
const at = (name: string): string => join(root, name);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-shards-beside-"));
  await writeFolder(at("in"), await chapterFiles(4));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function runPart(config: BatchConfig, index: number): Promise<void> {
  const source = await openPageSource(at("in"));
  const pictures = source.entries().filter(({ kind }) => kind === "image");
  await source.close();
  const parts = planShards([pictures], 2)[0]!;
  await runShard(paperEngine(), config, { shard: { index, count: 2 }, parts });
}

it("a shard that goes on while all are joined is not removed, nor are the others", async () => {
  const { config } = parseBatchConfig({ inputDir: at("in"), outputDir: at("out") });
  for (const index of [1, 2]) await runPart(config, index);
  const folders = [1, 2].map((index) => shardFolder(config, { index, count: 2 }));
  const journal = join(folders[0]!, ".cobra-batch/journal.ndjson");
  const goesOn = (): void => appendFileSync(journal, `${readFileSync(journal, "utf8").trim().split("\n").at(-1)!}\n`);
  const onEvent: RunBatchOptions["onEvent"] = ({ type }) => void (type === "batch-completed" && goesOn());
  const { pool } = paperEngine();
  expect(await assembleShards({ outputDir: at("out") }, pool, { onEvent })).toMatchObject({ completed: 4 });
  for (const folder of folders) expect(await readdir(folder)).toContain("shard.json");
  await assembleShards({ outputDir: at("out") }, pool);
  expect(await outputOfShards(at("out"))).toBeUndefined();
});

it("an archive that is named by a link is joined where the link leads", async () => {
  await symlink("real.cbz", at("link.cbz"));
  const { config } = parseBatchConfig({ inputDir: at("in"), outputZip: at("link.cbz") });
  for (const index of [1, 2]) await runPart(config, index);
  expect(await readdir(root)).toContain("real.cbz.cobra-batch");
  const output = await outputOfShards(at("link.cbz"));
  expect(output).toEqual({ outputZip: at("real.cbz") });
  expect(await assembleShards(output!, paperEngine().pool)).toMatchObject({ completed: 4, failed: 0 });
  expect((await readdir(root)).toSorted()).toEqual(["in", "link.cbz", "real.cbz"]);
  expect(await readlink(at("link.cbz"))).toBe("real.cbz");
});
