/** Uploads on their way into jobs. */
import { dirname } from "node:path";
import { BatchProcessingError } from "../../../errors.js";
import { exists } from "../../../io/files/exists.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import { sameBytes } from "../../../io/files/same-bytes.js";
import type { JobEntry } from "./job-entry.js";
import { assertState } from "./job-states.js";
import type { JobRegister } from "./register.js";
import type { Scanner } from "./scanner.js";
import type { Uploaded } from "./types.js";
import { UploadFolder } from "./upload-names.js";

export class JobUploads {
  readonly #register: JobRegister;
  readonly #scanner: Scanner;
  readonly #mostFiles: number;
  /** By target: whose they are. */
  readonly #coming = new Map<string, { readonly entry: JobEntry; readonly folder: UploadFolder }>();

  /** @param mostFiles of one job, of input and references each */
  constructor(register: JobRegister, scanner: Scanner, mostFiles: number) {
    this.#register = register;
    this.#scanner = scanner;
    this.#mostFiles = mostFiles;
  }

  async target(entry: JobEntry, { role, path, file, beside }: Uploaded): Promise<string> {
    const { stored, paths } = entry;
    entry.assertWhole();
    if (role === "input") {
      assertState(stored, ["draft"], "take uploads for its input", "make another job");
      if (stored.source.kind !== "upload")
        throw new BatchProcessingError("ERR_STATE", "the job's pages lie on the server; make another job for uploads");
    }
    const opening = (entry.uploads[role] ??= UploadFolder.open(
      role === "input" ? paths.input : paths.references,
      role,
    ));
    const folder = await opening;
    const target = await folder.take(path, this.#mostFiles, async (there) => {
      if (beside?.has(there) === true) return true;
      // A page that was mended, or a reference: with its folder, the name is enough to tell it by.
      if (role === "input" || path.includes("/")) return false;
      return this.#coming.has(there) || ((await exists(there)) && !(await sameBytes(there, file)));
    });
    this.#coming.set(target, { entry, folder });
    try {
      await makeFolder(dirname(target), paths.folder);
      await this.#mark(entry);
    } catch (error) {
      this.failed(target);
      throw error;
    }
    return target;
  }

  failed(target: string): void {
    const upload = this.#coming.get(target);
    if (upload === undefined) return;
    upload.folder.free(target);
    this.#coming.delete(target);
    const { entry } = upload;
    if (entry.stored.unscanned && !this.isComing(entry)) this.#scanner.start(entry);
  }

  /** Whether files of a job are on their way to their targets. */
  isComing(entry: JobEntry): boolean {
    return [...this.#coming.values()].some((upload) => upload.entry === entry);
  }

  async moved(entry: JobEntry): Promise<void> {
    for (const [target, upload] of this.#coming)
      if (upload.entry === entry && (await exists(target))) this.#coming.delete(target);
    await this.#mark(entry);
    this.#scanner.start(entry);
  }

  /** Before a file is in its place, so that a server that is killed right after that looks at it. */
  async #mark(entry: JobEntry): Promise<void> {
    if (!entry.stored.unscanned) await this.#register.change(entry, (job) => ({ ...job, unscanned: true }));
  }

  /** The job is removed. */
  forget(entry: JobEntry): void {
    for (const [target, upload] of this.#coming) if (upload.entry === entry) this.#coming.delete(target);
  }
}
