// What tests of jobs read and write: results, their entries, a folder that goes away.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPageSource } from "../../src/io/open-source.js";
import type { JobStore } from "../../src/ui/web/jobs/index.js";
import type { TestJobs } from "./job-store.js";

/** All bytes of a result, or some. */
export async function bytesOf(
  opened: Awaited<ReturnType<JobStore["result"]>>,
  range?: { start?: number; end?: number },
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.chunks(range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The entries of a result that is an archive, as text. */
export async function entriesOf(jobs: TestJobs, id: string): Promise<Record<string, string>> {
  const { path } = await jobs.store.result(id);
  const source = await openPageSource(path!);
  const found: Record<string, string> = {};
  for (const entry of source.entries()) found[entry.name] = Buffer.from(await entry.read()).toString("latin1");
  await source.close();
  return found;
}

/** A folder that is removed with the test. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "cobra-root-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
