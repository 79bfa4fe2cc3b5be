/** The interface between the server and the jobs: options, opened files, and the calls. */
import type { ImagePool } from "../../../core/batch-engine.js";
import type {
  Job,
  JobSettings,
  PageOwnSettings,
  Picture,
  PictureRole,
  Problem,
  RedoSettings,
  ServerEvent,
} from "../api/schemas.js";
import type { JobColorizer } from "./job-colorizer.js";

/** How much the store takes. */
export interface JobLimits {
  /** Jobs in all, drafts and history included. Default 10,000. */
  readonly jobs: number;
  /** Files of one job. Default 100,000. */
  readonly filesOfJob: number;
}

/** How a store is opened. */
export interface JobStoreOptions {
  /** Folder of the jobs and their index; made where it is missing. */
  readonly data: string;
  /** Colours pages; asked when a job begins. It is not closed here. */
  readonly colorizer: JobColorizer;
  /** Classifies uploaded pictures; needs no engine. It is not closed here. */
  readonly pool: ImagePool;
  /** Folders on the server that jobs may read, by name. Default: none. */
  readonly roots?: ReadonlyMap<string, string>;
  readonly limits?: Partial<JobLimits>;
}

/** A new job. */
export interface NewJob {
  /** Default: the name of the input once there is one. */
  readonly name?: string | undefined;
  /** Where its pages come from. Default: uploads. */
  readonly source?: Job["source"] | undefined;
  readonly settings?: JobSettings | undefined;
  /** Yields to jobs that are not in the background. Default false. */
  readonly background?: boolean | undefined;
}

/** What of a job can be changed. */
export interface JobChanges {
  readonly name?: string | undefined;
  /** Replaces all settings of the job. */
  readonly settings?: JobSettings | undefined;
  readonly background?: boolean | undefined;
  /** New place among the queued jobs, from 0. */
  readonly position?: number | undefined;
  /** 0 to 1000; higher goes first. Of a farm's jobs. */
  readonly priority?: number | undefined;
}

/** What an upload is. */
export type UploadRole = "input" | "reference";

/** A file that has come whole. */
export interface Uploaded {
  readonly role: UploadRole;
  /** Relative path that the client names, with forward slashes. */
  readonly path: string;
  /** Where its bytes are now. */
  readonly file: string;
  /** Places that it must not take: those of the other files of its request. */
  readonly beside?: ReadonlySet<string>;
}

/**
 * Which file of a picture: `hints` the strokes that were put, `preview:7` that of seed 7, `layer:3_ink.png` one of the
 * result's layers.
 */
export type PictureFile = "original" | "result" | "hints" | `preview:${number}` | `layer:${string}`;

/** A file of a picture, to be sent or made a thumbnail of. Exactly one of `path` and `bytes` is there. */
export interface OpenedPicture {
  /** Absolute path of a file on this machine. */
  readonly path?: string;
  /** The whole file, where it is inside an archive. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** File name for people, without folders. */
  readonly name: string;
  /** MIME type, by content. `image/vnd.adobe.photoshop` for a layered document. */
  readonly type: string;
  readonly sizeBytes: number;
  /** Changes with the content; fit for an ETag. */
  readonly version: string;
}

/** A job's results as one archive. */
export interface OpenedResult {
  /** File name for people, such as `Chapter 1.cbz`. */
  readonly name: string;
  /** MIME type. */
  readonly type: string;
  readonly sizeBytes: number;
  /** Changes with the content; fit for an ETag. */
  readonly version: string;
  /** Absolute path, where the archive is a file. A folder's archive is made while it is sent. */
  readonly path?: string;
  /**
   * The bytes from `start` (default 0) up to, not including, `end` (default the size). The same archive gives the same
   * bytes each time, so that a download can be resumed. It throws `ERR_STATE` where results changed meanwhile.
   */
  chunks(range?: { start?: number; end?: number }): AsyncIterable<Uint8Array>;
}

/** A folder or archive below an allowed root. */
export interface RootEntry {
  readonly name: string;
  /** Path below the root with forward slashes. */
  readonly path: string;
  readonly kind: "folder" | "archive";
}

/**
 * The jobs. Every call names a job by its id. It throws ValidationError `ERR_JOB_NOT_FOUND` if there is none,
 * BatchProcessingError `ERR_STATE` where the job's state does not allow it, ResourceError `ERR_OUTPUT_WRITE` where it
 * cannot be kept on disk; then nothing has changed.
 */
export interface Jobs {
  /** All jobs, the newest first. */
  list(): Job[];
  get(id: string): Job;
  /**
   * Makes a draft.
   * @throws ConfigurationError `ERR_CONFIG`; ValidationError `ERR_INPUT_NOT_FOUND` for a source that is not below an
   * allowed root; QueueError `ERR_QUEUE_FULL`
   */
  create(job?: NewJob): Promise<Job>;
  /** @throws ValidationError `ERR_ARGUMENT` for a priority where jobs have none */
  update(id: string, changes: JobChanges): Promise<Job>;
  /** Cancels the job where it runs, and deletes its folder. */
  remove(id: string): Promise<void>;
  /**
   * Where a finished upload is to be moved, by a rename. The name is made safe. A page of a name that is there replaces
   * it; another reference of that name gets a number where the path has no folder.
   * @throws ValidationError `ERR_ARGUMENT` for a path that leads out, for a second archive, and for an archive beside
   * pictures; QueueError `ERR_QUEUE_FULL` for too many files
   */
  uploadTarget(id: string, upload: Uploaded): Promise<string>;
  /** An upload failed: its target is given back. */
  uploadFailed(target: string): void;
  /** Uploads have been moved to their targets: the pictures are looked at again, soon. */
  uploaded(id: string): Promise<void>;
  /** The job's pictures in their order, references that were added last. */
  pictures(id: string): Promise<Picture[]>;
  /**
   * Gives pictures another role or settings of their own (which replace those they had; `{}` takes them away).
   * @returns the changed pictures
   */
  updatePictures(
    id: string,
    ids: readonly string[],
    changes: { readonly role?: PictureRole | undefined; readonly settings?: PageOwnSettings | undefined },
  ): Promise<Picture[]>;
  /** Deletes a reference that was added. */
  removeReference(id: string, picture: string): Promise<void>;
  /**
   * Keeps a picture of strokes as the page's hints; it counts where the page's settings say `hints: "strokes"`, which
   * this sets.
   * @throws ImageProcessingError `ERR_HINTS`
   */
  putHints(id: string, picture: string, png: Uint8Array): Promise<Picture>;
  /** Takes the page's hints away, strokes or dots. */
  removeHints(id: string, picture: string): Promise<Picture>;
  /** Queues a draft, or goes on with a job that failed or was cancelled. */
  start(id: string): Promise<Job>;
  /** Begins no further page; those in progress are finished. */
  pause(id: string): Promise<Job>;
  /** Queues a paused job in front. */
  resume(id: string): Promise<Job>;
  /** Abandons the pages in progress; with `waitingOnly` they are finished and only what waits is left. */
  cancel(id: string, options?: { readonly waitingOnly?: boolean | undefined }): Promise<Job>;
  /** Goes on after a preview. @param options.seed of a grid of seeds, the one for all pages */
  approve(id: string, options?: { readonly seed?: number | undefined }): Promise<Job>;
  /** Makes the preview again. @param options.settings over the job's; default: the next seed */
  reject(id: string, options?: { readonly settings?: JobSettings | undefined }): Promise<Job>;
  /**
   * Tries failed pages again, also those that were quarantined. @param ids of some failed pages; default: all
   * @throws ValidationError `ERR_ARGUMENT` for a page that has not failed
   */
  retry(id: string, ids?: readonly string[]): Promise<Job>;
  /** A new draft with the same input, references, roles and settings. */
  again(id: string): Promise<Job>;
  /**
   * Colours pages again with settings over those they have, null as the job's again; default: the next seed. While the
   * job runs they are done afterwards.
   */
  redo(id: string, ids: readonly string[], settings?: RedoSettings): Promise<Job>;
  /** Opens a file of a picture. @throws ValidationError `ERR_JOB_NOT_FOUND` where there is none */
  openPicture(id: string, picture: string, which: PictureFile): Promise<OpenedPicture>;
  /** The results as an archive. @throws BatchProcessingError `ERR_STATE` where there is none yet */
  result(id: string): Promise<OpenedResult>;
  /** Names of the allowed roots. */
  roots(): string[];
  /** Folders and archives in a folder below a root. @throws ValidationError `ERR_INPUT_NOT_FOUND` */
  listRoot(root: string, path?: string): Promise<RootEntry[]>;
  /** An error as the API tells it, without the places of this machine. */
  problem(error: unknown): Problem;
  /** Tells a listener what happens from now on. Returns what ends it. */
  events(listener: (event: ServerEvent) => void): () => void;
  /** Finishes the pages in progress, leaves the others for the next start, and closes the index. */
  close(): Promise<void>;
}
