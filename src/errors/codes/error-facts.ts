/** The form of a row in the tables of error codes. */

/** Names of the classes; `ERROR_CLASSES` has them. */
export type ErrorClassName =
  | "BatchProcessingError"
  | "ImageProcessingError"
  | "ConfigurationError"
  | "ResourceError"
  | "QueueError"
  | "ValidationError"
  | "ZipExtractionError"
  | "ClassificationError"
  | "ModelError"
  | "InferenceError";

/** What the table says of a code. */
export interface ErrorFacts {
  /** Where it belongs in the guide. */
  readonly group: "engine" | "model" | "page" | "input" | "output" | "usage" | "server" | "farm" | "bug";
  /** When it is raised. */
  readonly when: string;
  /** The class it is mostly raised as. */
  readonly className: ErrorClassName;
  /**
   * What fails when it is raised: the page; the batch, since every page would fail; the process, which has to be
   * started again; or one request to the web server, which alone answers with it.
   */
  readonly scope: "page" | "batch" | "process" | "request";
  /**
   * Whether the same call can succeed later with nothing changed in it. "depends": on the operating system's error that
   * is the `cause`; `isRetryable` decides.
   */
  readonly retryable: "yes" | "no" | "depends";
  /** Exit code of the command that it ends; 75 where "depends" turns out to be yes. */
  readonly exitCode: 1 | 64 | 75;
  /** What to do about it, said to people at a terminal. An error may know better. */
  readonly remedy: string;
}
