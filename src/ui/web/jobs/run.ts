/** One run of a job: its pictures and settings as a batch of `core`, steered until it ends. */
import { join } from "node:path";
import type { BatchConfigInput, PageConfig } from "../../../config/batch-config.js";
import { BatchProcessor } from "../../../core/batch-processor.js";
import type { BatchEvent, BatchSummary } from "../../../core/events.js";
import { findRun } from "../../../core/journal/find-run.js";
import { RunDecision } from "../../../core/output/run-decision.js";
import { outputPath, workFolder } from "../../../core/output/work-folder.js";
import { BatchProcessingError } from "../../../errors.js";
import { exists } from "../../../io/files/exists.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import { writeFileAtomic } from "../../../io/files/atomic-file.js";
import { portableName } from "../../../io/names/portable-names.js";
import type { PageSource, SourceEntry } from "../../../io/page-source.js";
import { sha256 } from "../../../platform/sha256.js";
import { openReference, referenceIn, type JobInput } from "./input.js";
import type { JobEngine } from "./job-colorizer.js";
import { outputOf } from "./outcomes.js";
import { noPages, noReferences, type Roles } from "./roles.js";
import type { JobPaths, StoredJob, StoredPicture, StoredPictures } from "./stored.js";

/** What a run is made of. */
export interface RunParts {
  /** Begins with so many pages. */
  readonly begin: (pages: number) => Promise<JobEngine>;
  readonly job: StoredJob & { readonly output: NonNullable<StoredJob["output"]> };
  readonly paths: JobPaths;
  readonly pictures: StoredPictures;
  readonly roles: Roles;
  readonly input: JobInput;
  readonly onEvent: (event: BatchEvent) => void;
  /** Takes the places of this machine out of a message. */
  readonly redact: (message: string) => string;
}

/** Whoever steers a run asks for one of these; the last one counts. */
export type StopWish = "finish" | "abandon";

export class JobRun {
  readonly #parts: RunParts;
  #processor: BatchProcessor | undefined;
  #engine: JobEngine | undefined;
  #wish: StopWish | undefined;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** Ends the run: after the pages in progress, or at once. What is done stays. */
  stop(wish: StopWish): void {
    if (this.#wish === "abandon") return;
    this.#wish = wish;
    if (wish === "abandon") return void this.#processor?.cancelProcessing();
    void this.#processor?.close();
    this.#engine?.withdraw?.();
  }

  /**
   * Resolves to how it went; undefined where it was stopped before it began.
   * @throws as `BatchProcessor.startProcessing`, and errors of the engine
   */
  async done(): Promise<BatchSummary | undefined> {
    const { job, roles, onEvent, redact } = this.#parts;
    const pages = roles.all("page");
    const references = roles.all("reference");
    if (pages.length === 0) throw noPages();
    if (references.length === 0) throw noReferences();
    const { engine, pagesInFlight } = (this.#engine = await this.#parts.begin(pages.length));
    if (this.#wish !== undefined) return undefined;
    const only = job.redo === undefined ? undefined : namesOf(job.redo.pages, pages);
    const decision = await this.#decision(only);
    const sources = await openReferences(references, this.#parts);
    try {
      const own = await this.#pageConfigs(pages, sources);
      const processor = new BatchProcessor(engine, batchConfig(this.#parts), {
        openInput: () => this.#parts.input.open(),
        references: sources.chosen,
        pageConfig: (name) => own.get(name) ?? { imageType: "colored" },
        onEvent: (event) => {
          if (event.type === "preview-ready") void processor.close();
          onEvent(event);
        },
        redact,
        ...(pagesInFlight === undefined ? {} : { pagesInFlight }),
        ...(only === undefined ? {} : { only }),
        ...(decision === undefined ? {} : { decision }),
      });
      this.#processor = processor;
      if (this.#wish !== undefined) return undefined;
      try {
        await processor.addImages(pages.map(({ name }) => name));
        return await processor.startProcessing();
      } catch (error) {
        if (this.#wish !== undefined && error instanceof BatchProcessingError && error.code === "ERR_STATE")
          return undefined; // stopped before it began
        throw error;
      } finally {
        await processor.close();
      }
    } finally {
      await sources.close();
    }
  }

  /** A finished archive is opened again, so that its pages are kept; failed pages may be tried again, all or some. */
  async #decision(only: readonly string[] | undefined): Promise<RunDecision | undefined> {
    const { job, paths } = this.#parts;
    const output = outputOf(paths.folder, job.output);
    const isBegun = await exists(workFolder(output));
    if (!isBegun && (output.outputZip === undefined || !(await exists(output.outputZip)))) return undefined;
    const run = await findRun(outputPath(output)).catch((error: unknown) => {
      if (isBegun && !job.retry && error instanceof BatchProcessingError) return undefined; // the batch begins anew
      throw error;
    });
    if (run === undefined || (run.archive === undefined && !job.retry)) return undefined;
    const { history } = run;
    const failed = job.retry ? (only ?? history.failedPages).filter((page) => history.failed(page) !== undefined) : [];
    return new RunDecision(run, failed.length === 0 ? [] : [{ type: "retry", pages: failed }]);
  }

  async #pageConfigs(pages: readonly StoredPicture[], sources: References): Promise<Map<string, PageConfig>> {
    const { paths } = this.#parts;
    const configs = new Map<string, PageConfig>();
    for (const { id, name, settings = {} } of pages) {
      const { references, hints, ...own } = settings;
      const chosen = references?.filter((one) => sources.entries.has(one));
      configs.set(name, {
        imageType: "line_art",
        ...own,
        ...(chosen === undefined || chosen.length === 0
          ? {}
          : { referenceImages: await Promise.all(chosen.map((one) => this.#fileOf(one, sources))) }),
        ...(hints === undefined ? {} : { colorHints: hints === "strokes" ? join(paths.hints, `${id}.png`) : hints }),
      });
    }
    return configs;
  }

  /** A reference as a file of its name, for pages that name it alone; its folder is named by content. */
  async #fileOf(id: string, { entries }: References): Promise<string> {
    const { pageReferences, folder } = this.#parts.paths;
    const entry = entries.get(id)!;
    const bytes = await entry.read();
    const own = join(pageReferences, await sha256(bytes));
    const path = join(own, portableName(entry.name.slice(entry.name.lastIndexOf("/") + 1)));
    if (!(await exists(path))) {
      await makeFolder(own, folder);
      await writeFileAtomic(path, bytes, true, undefined, folder);
    }
    return path;
  }
}

/** References as an open source, and each by its id. */
interface References {
  readonly chosen: PageSource;
  readonly entries: ReadonlyMap<string, SourceEntry>;
  close(): Promise<void>;
}

async function openReferences(
  references: readonly StoredPicture[],
  { input, paths }: Pick<RunParts, "input" | "paths">,
): Promise<References> {
  const open = new Map<string | undefined, PageSource>();
  const entries = new Map<string, SourceEntry>();
  const close = async (): Promise<void> => {
    for (const source of open.values()) await source.close();
  };
  try {
    for (const { id, file, name } of references) {
      const source = open.get(file) ?? (file === undefined ? await input.open() : await openReference(paths, file));
      open.set(file, source);
      const entry =
        file === undefined ? source.entries().find((one) => one.name === name) : referenceIn(source, file, name);
      if (entry !== undefined) entries.set(id, { ...entry, name });
    }
    const chosen = [...entries.values()];
    return {
      chosen: { path: "the references", entries: () => chosen, faults: [], close: async () => {} },
      entries,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function batchConfig({ job, paths, input }: RunParts): BatchConfigInput {
  const { preview = false, result: _result, ...settings } = job.settings;
  const output = outputOf(paths.folder, job.output);
  return {
    ...settings,
    ...input.settings,
    ...output,
    ...(output.outputZip === undefined ? {} : { overwrite: true }), // the job's own, of which it has one
    previewMode: preview && !job.approved,
  };
}

function namesOf(ids: readonly string[], pages: readonly StoredPicture[]): string[] {
  return pages.filter(({ id }) => ids.includes(id)).map(({ name }) => name);
}
