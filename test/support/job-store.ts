// A store of jobs for tests, with an engine on paper, and what tests do with it again and again.
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BatchEngine } from "../../src/core/batch-engine.js";
import type { Job, Picture, ServerEvent } from "../../src/ui/web/api/schemas.js";
import {
  JobStore,
  oneEngine,
  type JobStoreOptions,
  type NewJob,
  type UploadRole,
} from "../../src/ui/web/jobs/index.js";
import { chapterFiles } from "./chapter.js";
import { paperEngine, type PaperEngine, type PaperWork } from "./paper-engine.js";

export class TestJobs implements AsyncDisposable {
  readonly events: ServerEvent[] = [];
  #store: JobStore | undefined;

  private constructor(
    readonly data: string,
    readonly engine: BatchEngine,
    readonly options: Partial<JobStoreOptions>,
  ) {}

  /** One page at a time, on paper. The data is deleted at the end unless its folder is given. */
  static async onPaper(
    work?: PaperWork,
    options: Partial<JobStoreOptions> = {},
  ): Promise<TestJobs & { engine: PaperEngine }> {
    return (await TestJobs.with(paperEngine(work, 1), options)) as TestJobs & { engine: PaperEngine };
  }

  static async with(engine: BatchEngine, options: Partial<JobStoreOptions> = {}): Promise<TestJobs> {
    const data = options.data ?? (await mkdtemp(join(tmpdir(), "cobra-jobs-")));
    const jobs = new TestJobs(data, engine, options);
    await jobs.open();
    return jobs;
  }

  get store(): JobStore {
    return this.#store!;
  }

  async open(): Promise<void> {
    const { data, engine, options } = this;
    this.#store = await JobStore.open({
      data,
      colorizer: oneEngine(async () => engine),
      pool: engine.pool,
      ...options,
    });
    this.store.events((event) => this.events.push(event));
  }

  /** As when the server ends and starts again; `between` happens in the meantime. */
  async restart(between?: () => Promise<void>): Promise<void> {
    await this.store.close();
    await between?.();
    await this.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    if (this.options.data === undefined) await rm(this.data, { recursive: true, force: true });
  }

  /** Where an upload would go whose bytes are nowhere yet. */
  target(id: string, role: UploadRole, path: string): Promise<string> {
    return this.store.uploadTarget(id, { role, path, file: join(this.data, "part") });
  }

  async upload(id: string, files: Readonly<Record<string, Uint8Array>>, role: UploadRole = "input"): Promise<void> {
    for (const [name, bytes] of Object.entries(files)) {
      const part = join(this.data, "part");
      await writeFile(part, bytes);
      const target = await this.store.uploadTarget(id, { role, path: name, file: part });
      await rename(part, target);
    }
    await this.store.uploaded(id);
    await this.until(id, ({ scanning }) => !scanning);
  }

  /** A draft with pages `p1.png`, …, two references and a file that is no picture. */
  async chapter(pages: number, job: NewJob = {}): Promise<Job> {
    const { id } = await this.store.create(job);
    await this.upload(id, await chapterFiles(pages));
    return this.store.get(id);
  }

  /** Starts a job and waits for its end. */
  async done(id: string): Promise<Job> {
    await this.store.start(id);
    return this.ended(id);
  }

  /** Waits until a job neither waits nor runs. */
  ended(id: string): Promise<Job> {
    return this.until(id, ({ state }) => state !== "queued" && state !== "running");
  }

  /** Waits for a job to be so. */
  until(id: string, holds: (job: Job) => boolean): Promise<Job> {
    const now = this.store.get(id);
    if (holds(now)) return Promise.resolve(now);
    return new Promise((resolve) => {
      const end = this.store.events((event) => {
        if (event.type !== "job" || event.job.id !== id || !holds(event.job)) return;
        end();
        resolve(event.job);
      });
    });
  }

  /** A picture by its name. */
  async picture(id: string, name: string): Promise<Picture> {
    const all = await this.store.pictures(id);
    const found = all.find((picture) => picture.name === name);
    if (found === undefined) throw new Error(`no ${name} among ${all.map((one) => one.name).join(", ")}`);
    return found;
  }
}

/** Lets pages through one by one, or all. */
export class Gate {
  #waiting: (() => void)[] = [];
  #arrived: (() => void)[] = [];
  #open = false;

  /** For the colouring of a page. */
  async pass(signal?: AbortSignal): Promise<void> {
    for (const arrived of this.#arrived.splice(0)) arrived();
    if (this.#open) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push(resolve);
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== resolve);
        reject(signal!.reason as Error);
      };
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Resolves when a page waits. */
  async arrival(): Promise<void> {
    if (this.#waiting.length === 0) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }

  one(): void {
    this.#waiting.shift()?.();
  }

  open(): void {
    this.#open = true;
    for (const pass of this.#waiting.splice(0)) pass();
  }
}
