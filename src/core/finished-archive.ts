/**
 * An archive that is the finished result of this very batch. Its journal went with the last page, so what its pages were made of stands in
 * its metadata: a run that was killed after the archive got its name, but before it could say so, does not do it all again.
 */
import { stat } from "node:fs/promises";
import type { BatchConfig } from "../config/batch-config.js";
import { numberedName } from "../io/output-names.js";
import { METADATA_NAME } from "../io/output-rules.js";
import { openPageSource } from "../io/page-source.js";
import { removeRemains, workFolder } from "./batch-output.js";
import type { PageSuccess } from "./events.js";
import { sha256 } from "./fingerprint.js";
import type { PageJob } from "./page-work.js";

/** What one picture was made of, as the metadata's `inputs` say it. */
export interface PageOrigin {
  readonly page: string;
  readonly fingerprint: string;
  readonly sha256: string;
}

export interface FinishedArchive {
  readonly path: string;
  /** By page. */
  readonly pages: ReadonlyMap<string, PageSuccess>;
}

/**
 * Looks for it under the output's name and its numbers. Undefined where the archive would be replaced anyway (`overwrite`), where a work
 * folder tells more, or where any page, setting, reference or the model differs.
 */
export async function findFinishedArchive(config: BatchConfig, jobs: readonly Pick<PageJob, "entry" | "settings">[], fingerprint: (settings: PageJob["settings"]) => string): Promise<FinishedArchive | undefined> {
  if (config.outputZip === undefined || config.overwrite || (await exists(workFolder(config)))) return undefined;
  for (let number = 0; ; number++) {
    const path = numberedName(config.outputZip, number);
    if (!(await exists(path))) return undefined;
    const { inputs = [], pages = [] } = await readMetadata(path);
    if (await sameOrigins(jobs, inputs, fingerprint)) {
      await removeRemains(config);
      return { path, pages: new Map(pages.map((page) => [page.page, page])) };
    }
  }
}

async function sameOrigins(jobs: readonly Pick<PageJob, "entry" | "settings">[], inputs: readonly PageOrigin[], fingerprint: (settings: PageJob["settings"]) => string): Promise<boolean> {
  const origins = new Map(inputs.map((origin) => [origin.page, origin]));
  if (origins.size !== jobs.length || jobs.some(({ entry, settings }) => origins.get(entry.name)?.fingerprint !== fingerprint(settings))) return false;
  for (const { entry } of jobs) {
    const bytes = await entry.read().catch(() => undefined); // the batch itself will say what is wrong with it
    if (bytes === undefined || (await sha256(bytes)) !== origins.get(entry.name)!.sha256) return false;
  }
  return true;
}

/** The metadata of an archive; empty for one of somebody else. */
async function readMetadata(path: string): Promise<{ inputs?: readonly PageOrigin[]; pages?: readonly PageSuccess[] }> {
  try {
    const source = await openPageSource(path);
    try {
      const bytes = await source.entries().find((entry) => entry.name === METADATA_NAME)?.read();
      const metadata = JSON.parse(new TextDecoder().decode(bytes)) as { inputs?: unknown; pages?: unknown; failures?: unknown };
      if (!Array.isArray(metadata.inputs) || !Array.isArray(metadata.pages) || !Array.isArray(metadata.failures) || metadata.failures.length > 0) return {};
      return metadata as { inputs: PageOrigin[]; pages: PageSuccess[] };
    } finally {
      await source.close();
    }
  } catch {
    return {};
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
