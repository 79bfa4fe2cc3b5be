/**
 * The one table of errors: every code with its class, what it ends, whether to try again, the command's exit code and
 * the remedy. A new error is one row here; `docs/errors.md` is made from it by `npm run docs`.
 */

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
  readonly group: "engine" | "model" | "page" | "input" | "output" | "usage" | "bug";
  /** When it is raised. */
  readonly when: string;
  /** The class it is mostly raised as. */
  readonly className: ErrorClassName;
  /**
   * What it ends when it is raised while a page is coloured: that page; the batch, since every page would fail; or the
   * process, which has to be started again.
   */
  readonly scope: "page" | "batch" | "process";
  /**
   * Whether the same call can succeed later with nothing changed in it. "depends": on the operating system's error that
   * is the `cause`; `isRetryable` decides.
   */
  readonly retryable: "yes" | "no" | "depends";
  /** Exit code of the command that it ends; 75 where "depends" turns out to be yes. */
  readonly exitCode: 1 | 64 | 75;
  /** What to do about it. The message may know better. */
  readonly remedy: string;
}

const REPORT = "report it, with the output of the same command with --verbose";
const DAMAGED = "get the model package again or build it again; `cobra-batch model verify` checks one";
const MISUSE = "correct the call; the message names the value and the rule";

const table = {
  // engine: the addon, ONNX Runtime, devices, memory
  ERR_ADDON_LOAD: {
    group: "engine",
    when: "the native addon is missing or cannot be loaded",
    className: "ResourceError",
    scope: "process",
    retryable: "no",
    exitCode: 1,
    remedy: "install the package again on this platform, or build it; `cobra-batch doctor` shows what is missing",
  },
  ERR_RUNTIME_LOAD: {
    group: "engine",
    when: "the ONNX Runtime library is missing, is not a loadable library, or has the wrong version",
    className: "ResourceError",
    scope: "process",
    retryable: "no",
    exitCode: 1,
    remedy: "install the package again, or correct COBRA_ORT_SDK; `cobra-batch doctor` shows what is missing",
  },
  ERR_PROVIDER_UNAVAILABLE: {
    group: "engine",
    when: "an execution provider cannot start; the message says which library is missing",
    className: "ResourceError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "install what the message names, or choose another provider; `cobra-batch doctor` tries them all",
  },
  ERR_SESSION_OPTION: {
    group: "engine",
    when: "a session or provider option has an unknown name or a bad value",
    className: "ValidationError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: MISUSE,
  },
  ERR_SESSION_CREATE: {
    group: "engine",
    when: "ONNX Runtime refused a model",
    className: "InferenceError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: DAMAGED,
  },
  ERR_TENSOR_NAME: {
    group: "engine",
    when: "a run names an input or output the model does not have, or leaves one out",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: DAMAGED,
  },
  ERR_TENSOR_DTYPE: {
    group: "engine",
    when: "a tensor's dtype is unknown or is not the one that is needed",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: DAMAGED,
  },
  ERR_TENSOR_DIMS: {
    group: "engine",
    when: "a tensor's dims do not fit its data, its view or the model",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: DAMAGED,
  },
  ERR_TENSOR_DEVICE: {
    group: "engine",
    when: "a tensor is not where the operation needs it, such as reading device memory as host data",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: REPORT,
  },
  ERR_DISPOSED: {
    group: "engine",
    when: "a session, tensor or engine is used after it was closed",
    className: "BatchProcessingError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "close the engine after the last batch has ended",
  },
  ERR_MODEL_OUTPUT: {
    group: "engine",
    when: "a network gave values that are not finite numbers",
    className: "InferenceError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy:
      "check the model with `cobra-batch model verify`; a float16 package may overflow on this page, float32 does not",
  },
  ERR_RUN: {
    group: "engine",
    when: "a model run failed inside ONNX Runtime",
    className: "InferenceError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "run the same command again; if it fails again, report it with --verbose output",
  },
  ERR_OUT_OF_MEMORY: {
    group: "engine",
    when: "host or device memory ran out",
    className: "ResourceError",
    scope: "page",
    retryable: "yes",
    exitCode: 75,
    remedy: "run again with --max-concurrent 1, fewer --top-k, or on a machine with more memory",
  },
  ERR_DEVICE_LOST: {
    group: "engine",
    when: "the device was reset or lost; the process must be restarted",
    className: "InferenceError",
    scope: "process",
    retryable: "yes",
    exitCode: 75,
    remedy: "start the process again and run the same command; if it happens again, check the device and its driver",
  },

  // model packages
  ERR_MODEL_NOT_FOUND: {
    group: "model",
    when: "no model package at the path",
    className: "ModelError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "name a folder that holds a model package; `cobra-batch model list` shows the packages there are",
  },
  ERR_MODEL_MANIFEST: {
    group: "model",
    when: "the manifest is not valid",
    className: "ModelError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: DAMAGED,
  },
  ERR_MODEL_FILE: {
    group: "model",
    when: "a file of the package is missing, damaged or foreign",
    className: "ModelError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: DAMAGED,
  },
  ERR_MODEL_WEIGHTS: {
    group: "model",
    when: "a weight is missing, extra or has the wrong shape or dtype",
    className: "ModelError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "get the weights again from where they were published; the message names those that do not fit",
  },
  ERR_MODEL_GRAPH: {
    group: "model",
    when: "a graph cannot be built from its config",
    className: "ModelError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "get the configuration files again from where the weights were published",
  },

  // page: one picture
  ERR_IMAGE_DECODE: {
    group: "page",
    when: "a picture cannot be decoded",
    className: "ImageProcessingError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "open the picture in a viewer and save it again as PNG, or take it out of the input",
  },
  ERR_IMAGE_UNSUPPORTED: {
    group: "page",
    when: "a picture is valid, but in a form that is not supported, or it would come out blank",
    className: "ImageProcessingError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "convert the picture as the message says, such as to PNG with 8 bits a sample",
  },
  ERR_IMAGE_LIMIT: {
    group: "page",
    when: "a picture is larger than the limit",
    className: "ImageProcessingError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "make the picture smaller",
  },
  ERR_IMAGE_ENCODE: {
    group: "page",
    when: "a picture cannot be encoded",
    className: "ImageProcessingError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "save the page as PNG: the output takes the input's format",
  },
  ERR_CLASSIFICATION: {
    group: "page",
    when: "a picture cannot be classified",
    className: "ClassificationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "name the references with --reference-dir, so that pictures need not be classified",
  },
  ERR_HINTS: {
    group: "page",
    when: "a page's colour hints do not fit the page or cannot be read",
    className: "ImageProcessingError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy:
      "correct the page's hints (--hint, --hints, or colorHints in the configuration file) and run the same command again; finished pages are kept",
  },
  ERR_NO_REFERENCES: {
    group: "page",
    when: "there is no coloured reference",
    className: "ConfigurationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "name references that can be read for this page, or leave its referenceImages out",
  },
  ERR_PAGE_CRASHED: {
    group: "page",
    when: "a page has crashed the process twice, the second time on its own, and is set aside",
    className: "ImageProcessingError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy:
      "look at the picture, then try it once more with `cobra-batch retry <output> --failed`, perhaps with --set maxConcurrent=1 or fewer steps",
  },

  // inputs
  ERR_INPUT_NOT_FOUND: {
    group: "input",
    when: "an input path does not exist or cannot be read",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "check that the file is still there and may be read",
  },
  ERR_INPUT_GONE: {
    group: "input",
    when: "the input has vanished while its pages were read",
    className: "ResourceError",
    scope: "batch",
    retryable: "yes",
    exitCode: 75,
    remedy: "check that the disk or network folder is still there, then run the same command again",
  },
  ERR_INPUT_EMPTY: {
    group: "input",
    when: "an input holds no picture to colour",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "name a folder or archive with line art; `cobra-batch classify` shows how its pictures are classified",
  },
  ERR_ZIP_FORMAT: {
    group: "input",
    when: "an archive is not a ZIP or is damaged",
    className: "ZipExtractionError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "unpack the archive with another program and give the folder",
  },
  ERR_ZIP_ENTRY: {
    group: "input",
    when: "an archive entry is refused or damaged",
    className: "ZipExtractionError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "unpack the archive with another program and pack it again, or give the folder",
  },
  ERR_ZIP_LIMIT: {
    group: "input",
    when: "an archive or an entry of it goes over a limit",
    className: "ZipExtractionError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "unpack the archive and give the folder",
  },

  // outputs
  ERR_OUTPUT_WRITE: {
    group: "output",
    when: "an output cannot be written",
    className: "ResourceError",
    scope: "batch",
    retryable: "depends",
    exitCode: 1,
    remedy: "free space, make the folder writable or mount the disk again, then run the same command to continue",
  },
  ERR_OUTPUT_UNSAFE: {
    group: "output",
    when: "an output's own records or links lead outside it",
    className: "ValidationError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "choose another output, or remove the record that the message names if you do not know where it came from",
  },
  ERR_OUTPUT_LOCKED: {
    group: "output",
    when: "another run is using the output",
    className: "ResourceError",
    scope: "batch",
    retryable: "yes",
    exitCode: 75,
    remedy: "wait until the other run has ended, or stop it; then run the same command",
  },
  ERR_OUTPUT_EXISTS: {
    group: "output",
    when: "an output exists and overwriting was not asked for",
    className: "ResourceError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "choose another output, or replace it with --overwrite",
  },
  ERR_RUN_NOT_FOUND: {
    group: "output",
    when: "an output holds no journal of a run that could be continued",
    className: "BatchProcessingError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "name the folder or archive that `cobra-batch colorize` has written",
  },

  // configuration, usage
  ERR_CONFIG: {
    group: "usage",
    when: "a configuration value is unknown or breaks a rule",
    className: "ConfigurationError",
    scope: "batch",
    retryable: "no",
    exitCode: 64,
    remedy: "correct the setting; the message names the value and the rule",
  },
  ERR_QUEUE_FULL: {
    group: "usage",
    when: "the queue is full: as many calls are unfinished as are allowed",
    className: "QueueError",
    scope: "page",
    retryable: "yes",
    exitCode: 75,
    remedy: "wait for earlier calls and call again, or raise maxQueued",
  },
  ERR_ARGUMENT: {
    group: "usage",
    when: "an argument of a public function breaks a rule",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 64,
    remedy: MISUSE,
  },
  ERR_STATE: {
    group: "usage",
    when: "a call is not possible in the object's present state",
    className: "BatchProcessingError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "correct the order of the calls; the message names the state",
  },

  // last resort
  ERR_INTERNAL: {
    group: "bug",
    when: "a bug in the engine",
    className: "BatchProcessingError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: REPORT,
  },
} as const satisfies Record<string, ErrorFacts>;

/** A stable error code. */
export type ErrorCode = keyof typeof table;

/** Every code the engine can raise, with what is known of it. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorFacts>> = table;

/** Every code the engine can raise, with when it is raised. */
export const ERROR_CODES = Object.fromEntries(
  Object.entries(table).map(([code, { when }]) => [code, when]),
) as Readonly<Record<ErrorCode, string>>;

/** Whether a value is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(table, value);
}
