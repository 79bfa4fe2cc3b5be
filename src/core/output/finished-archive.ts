/**
 * An archive that is the finished result of this very batch. Its journal went with the last page, so what its pages
 * were made of stands in its metadata: a run that was killed after the archive got its name, but before it could say
 * so, does not do it all again.
 */
import { stat } from "node:fs/promises";
import type { BatchConfig } from "../../config/batch-config.js";
import { numberedName } from "../../io/names/output-names.js";
import { METADATA_NAME } from "../../io/names/output-rules.js";
import { openPageSource } from "../../io/open-source.js";
import type { PageSuccess } from "../events.js";
import { sha256 } from "../../platform/sha256.js";
import type { Adjustments, RunRecord } from "../journal/entries.js";
import type { BatchPage } from "../pages/batch-page.js";
import { removeRemains, workFolder } from "./work-folder.js";

/** What one picture was made of, as the metadata's `inputs` say it. */
export interface PageOrigin {
  readonly page: string;
  readonly fingerprint: string;
  readonly sha256: string;
}

/** What an archive of this engine says about itself. */
export interface ArchiveMetadata {
  readonly inputs: readonly PageOrigin[];
  readonly pages: readonly PageSuccess[];
  readonly failures: readonly unknown[];
  /** Paths are relative to the archive. */
  readonly run?: { readonly record: RunRecord; readonly adjustments: Adjustments };
}

export interface FinishedArchive {
  readonly path: string;
  /** By page. */
  readonly pages: ReadonlyMap<string, PageSuccess>;
}

type Wanted = Pick<BatchPage, "entry" | "settings">;

/**
 * Looks for it under the output's name and its numbers. Undefined where the archive would be replaced anyway
 * (`overwrite`), where a work folder tells more, or where any page, setting, reference or the model differs.
 * @param jobs the pages with their settings; settings that were changed after the archive's own run had begun are given
 */
export async function findFinishedArchive(
  config: BatchConfig,
  jobs: (run: ArchiveMetadata["run"]) => readonly Wanted[],
  fingerprint: (settings: BatchPage["settings"]) => string,
): Promise<FinishedArchive | undefined> {
  if (config.outputZip === undefined || config.overwrite || (await exists(workFolder(config)))) return undefined;
  for (let number = 0; ; number++) {
    const path = numberedName(config.outputZip, number);
    if (!(await exists(path))) return undefined;
    const metadata = await readArchiveMetadata(path);
    if (metadata === undefined || metadata.failures.length > 0) continue;
    if (await sameOrigins(jobs(metadata.run), metadata.inputs, fingerprint)) {
      await removeRemains(config);
      return { path, pages: new Map(metadata.pages.map((page) => [page.page, page])) };
    }
  }
}

async function sameOrigins(
  jobs: readonly Wanted[],
  inputs: readonly PageOrigin[],
  fingerprint: (settings: BatchPage["settings"]) => string,
): Promise<boolean> {
  const origins = new Map(inputs.map((origin) => [origin.page, origin]));
  if (
    origins.size !== jobs.length ||
    jobs.some(({ entry, settings }) => origins.get(entry.name)?.fingerprint !== fingerprint(settings))
  )
    return false;
  for (const { entry } of jobs) {
    const bytes = await entry.read().catch(() => undefined); // the batch itself will say what is wrong with it
    if (bytes === undefined || (await sha256(bytes)) !== origins.get(entry.name)!.sha256) return false;
  }
  return true;
}

/** The metadata of an archive; undefined for one of somebody else and for what is no archive. */
export async function readArchiveMetadata(path: string): Promise<ArchiveMetadata | undefined> {
  try {
    const source = await openPageSource(path);
    try {
      const bytes = await source
        .entries()
        .find((entry) => entry.name === METADATA_NAME)
        ?.read();
      const metadata = JSON.parse(new TextDecoder().decode(bytes)) as { [Key in keyof ArchiveMetadata]?: unknown };
      return Array.isArray(metadata.inputs) && Array.isArray(metadata.pages) && Array.isArray(metadata.failures)
        ? (metadata as ArchiveMetadata)
        : undefined;
    } finally {
      await source.close();
    }
  } catch {
    return undefined;
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
