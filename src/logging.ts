/**
 * Logging on pino. Nothing is logged until `setupLogging` is called. A terminal gets one line of text a record, files
 * and pipes get NDJSON: `level`, `time` (ISO, milliseconds), `component`, `job` and `page` where there is one, `msg`,
 * and the record's own fields. Lines of worker threads come out here too.
 */
import { createRequire } from "node:module";
import { hostname } from "node:os";
import type { Logger as PinoLogger } from "pino";
import { checkArgument, checkNames, checkObject } from "./errors/arguments.js";
import { logContext, withLogContext, type LogContext } from "./logging/context.js";
import {
  checkLevel,
  isSilent,
  levelName,
  levelNumber,
  levelOf,
  type LevelTable,
  PINO_NUMBERS,
  type LogLevel,
} from "./logging/levels.js";
import { datedName, fixedName, RotatingFile } from "./logging/rotating-file.js";
import { textLine } from "./logging/text-line.js";
import { printable } from "./text/printable.js";

export { logContext, withLogContext, type LogContext } from "./logging/context.js";
export { LOG_LEVELS, type LogLevel } from "./logging/levels.js";

/**
 * A component's logger: `debug info warn error fatal`, each `(fields, message)` or `(message)`; they are DEBUG to
 * CRITICAL.
 */
export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error" | "fatal" | "isLevelEnabled">;

/** Where log lines go, and which. All may be left out. */
export interface LoggingOptions {
  /** Least level that is written; upper or lower case. Default `INFO`. */
  level?: LogLevel;
  /** Levels of single components, over `level`. */
  components?: Readonly<Record<string, LogLevel>>;
  /** Lines on standard error (or `stream`). Default true. */
  console?: boolean;
  /** How the console's lines look: `text` for people, `json` for machines (NDJSON). Default: `text` on a terminal. */
  format?: "text" | "json";
  /** The console. Default: standard error. */
  stream?: { write(text: string): unknown; isTTY?: boolean };
  /**
   * A file that NDJSON lines are appended to: a new one, or an earlier log. Once full it is renamed to
   * `<name>_YYYYMMDD_HHMMSS<ext>` and a new one is started.
   */
  logFile?: string;
  /** A folder for files `batch_processing_YYYYMMDD_HHMMSS.log`. */
  logDir?: string;
  /** Bytes after which a log file is full; a new day begins a new file too. Default 10 MiB. */
  maxFileBytes?: number;
  /** Log files that are kept, the current one included; the oldest go. Default 10. */
  maxFiles?: number;
}

/** Logging as it was set up. */
export interface LoggingSetup extends Disposable {
  /** Paths of the log files at present. */
  readonly logFiles: readonly string[];
  /** Turns logging off and closes the files; does nothing if logging has been set up again since. */
  close(): void;
}

/** Where lines go: NDJSON records, each with its line feed. */
interface Sink {
  write(record: string): void;
  close(): void;
}

const DEFAULT_MAX_FILE_BYTES = 10 * 2 ** 20;
const DEFAULT_MAX_FILES = 10;
const OFF: LevelTable = { level: "SILENT", components: {} };

let sinks: readonly Sink[] = [];
let table: LevelTable = OFF;
const loggers = new Map<string, ComponentLogger>();
let root: PinoLogger | undefined;

/**
 * pino's own logger, made with the first line: most commands and most worker threads log none and need not load pino.
 */
function rootLogger(): PinoLogger {
  if (root !== undefined) return root;
  const { pino } = createRequire(import.meta.url)("pino") as typeof import("pino");
  root = pino(
    {
      level: "debug",
      base: { pid: process.pid, host: hostname() },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (_label, value) => ({ level: levelName(value) }) },
      mixin: () => ({ ...logContext() }),
    },
    { write: (record) => writeRecord(printable(record)) }, // the escapes are JSON's own
  );
  return root;
}

type Method = "debug" | "info" | "warn" | "error" | "fatal";

/** A component's logger: it asks pino only for lines that are written. */
class ComponentLogger implements Logger {
  readonly debug = this.#method("debug");
  readonly info = this.#method("info");
  readonly warn = this.#method("warn");
  readonly error = this.#method("error");
  readonly fatal = this.#method("fatal");
  #pino: PinoLogger | undefined;
  #least = Infinity;

  constructor(readonly component: string) {
    this.follow(table);
  }

  /** Takes its level from the table. */
  follow(levels: LevelTable): void {
    this.#least = levelNumber(levelOf(this.component, levels));
  }

  isLevelEnabled(level: string): boolean {
    return (PINO_NUMBERS[level] ?? 0) >= this.#least;
  }

  #method(name: Method): PinoLogger[Method] {
    const number = PINO_NUMBERS[name]!;
    return (...given: unknown[]): void => {
      if (number < this.#least) return;
      this.#pino ??= rootLogger().child({ component: this.component });
      (this.#pino[name] as (...given: unknown[]) => void)(...given);
    };
  }
}

function writeRecord(record: string): void {
  for (const sink of sinks) sink.write(record);
}

function apply(next: LevelTable): void {
  table = next;
  for (const logger of loggers.values()) logger.follow(table);
}

function replaceSinks(next: readonly Sink[]): void {
  const old = sinks;
  sinks = next;
  for (const sink of old) sink.close();
}

const LOGGING_OPTIONS: Readonly<Record<keyof LoggingOptions, true>> = {
  level: true,
  components: true,
  console: true,
  format: true,
  stream: true,
  logFile: true,
  logDir: true,
  maxFileBytes: true,
  maxFiles: true,
};

/**
 * Turns logging on (or, with `SILENT`, off) for the whole process; called again, it replaces what was set up before.
 * Every line is written when its call returns.
 * @throws ValidationError `ERR_ARGUMENT` for a level, size or number that cannot be; ConfigurationError
 * `ERR_CONFIG` for a `logFile` that is there and is no log, or is a pipe that nobody reads; ResourceError
 * `ERR_OUTPUT_WRITE` for a file that cannot be opened
 */
export function setupLogging(options: LoggingOptions = {}): LoggingSetup {
  checkObject("the logging options", options);
  checkNames<LoggingOptions>("the logging options", options, LOGGING_OPTIONS);
  if (options.components !== undefined) checkObject("components", options.components);
  const { console = true, maxFileBytes = DEFAULT_MAX_FILE_BYTES, maxFiles = DEFAULT_MAX_FILES } = options;
  const level = checkLevel(options.level ?? "INFO", "the log level");
  const own = Object.entries(options.components ?? {}).map(
    ([name, value]) => [name, checkLevel(value, `the log level of "${name}"`)] as const,
  );
  checkOptions(options, { maxFileBytes, maxFiles });
  const names =
    level === "SILENT"
      ? []
      : [
          ...(options.logFile === undefined ? [] : [fixedName(options.logFile)]),
          ...(options.logDir === undefined ? [] : [datedName(options.logDir)]),
        ];
  const files: RotatingFile[] = [];
  try {
    for (const name of names) files.push(new RotatingFile(name, { maxBytes: maxFileBytes, maxFiles }));
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
  const mine: readonly Sink[] = [
    ...(console && level !== "SILENT" ? [consoleSink(options)] : []),
    ...files.map(fileSink),
  ];
  replaceSinks(mine);
  apply({
    level: mine.length === 0 ? "SILENT" : level,
    components: { ...table.components, ...Object.fromEntries(own) },
  });
  const close = (): void => {
    if (sinks !== mine) return;
    replaceSinks([]);
    apply({ ...table, level: "SILENT" });
  };
  return {
    get logFiles() {
      return files.map(({ path }) => path);
    },
    close,
    [Symbol.dispose]: close,
  };
}

function checkOptions(options: LoggingOptions, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers))
    checkArgument(Number.isInteger(value) && value >= 1, name, value, "a whole number above 0");
  for (const name of ["logFile", "logDir"] as const) {
    const path = options[name];
    checkArgument(path === undefined || (typeof path === "string" && path !== ""), name, path, "a path");
  }
  const { format, stream } = options;
  checkArgument(format === undefined || format === "text" || format === "json", "format", format, '"text" or "json"');
  checkArgument(
    stream === undefined || typeof (stream as { write?: unknown } | null)?.write === "function",
    "stream",
    stream,
    "a stream that can be written to",
  );
}

function consoleSink({ stream = process.stderr, format = stream.isTTY ? "text" : "json" }: LoggingOptions): Sink {
  const colour = Boolean(stream.isTTY) && !process.env["NO_COLOR"];
  return {
    write: (record) => void stream.write(format === "text" ? textLine(record, colour) : record),
    close: () => undefined,
  };
}

function fileSink(file: RotatingFile): Sink {
  return {
    write: (record) => {
      file.write(record);
      if (record.startsWith('{"level":"CRITICAL"')) file.sync();
    },
    close: () => file.close(),
  };
}

/** A logger whose lines carry the component's name; one for each name. @throws ValidationError `ERR_ARGUMENT` */
export function getLogger(component: string): Logger {
  checkArgument(typeof component === "string", "the component", component, "a name");
  let logger = loggers.get(component);
  if (logger === undefined) {
    logger = new ComponentLogger(component);
    loggers.set(component, logger);
  }
  return logger;
}

/**
 * Gives a component a level of its own that overrides `setupLogging`'s; without a level it follows that one again.
 * Before or after `setupLogging`.
 * @throws ValidationError `ERR_ARGUMENT` for a level that does not exist
 */
export function configureComponentLogger(component: string, level?: LogLevel): Logger {
  checkArgument(typeof component === "string", "the component", component, "a name");
  const { [component]: _previous, ...others } = table.components;
  apply({
    ...table,
    components:
      level === undefined ? others : { ...others, [component]: checkLevel(level, `the log level of "${component}"`) },
  });
  return getLogger(component);
}

/** The levels and ids with which a worker thread logs as its caller would. Plain data. */
export interface LogSettings extends LevelTable {
  readonly context: LogContext;
}

/** The settings for a task that starts here and now; undefined when nothing would be logged. */
export function logSettings(): LogSettings | undefined {
  return isSilent(table) ? undefined : { ...table, context: logContext() };
}

/**
 * In a worker thread: does a task and keeps its log records for the thread that asked, which gives them to
 * `writeLogRecords`.
 */
export async function collectLogRecords<T>(
  settings: LogSettings | undefined,
  work: () => Promise<T>,
): Promise<{ value: T; records: readonly string[] }> {
  if (settings === undefined) {
    if (!isSilent(table)) apply(OFF);
    return { value: await work(), records: [] };
  }
  const records: string[] = [];
  sinks = [{ write: (record) => void records.push(record), close: () => undefined }];
  apply(settings);
  const value = await withLogContext(settings.context, work);
  return { value, records };
}

/** Writes records that another thread has made. */
export function writeLogRecords(records: readonly string[]): void {
  for (const record of records) writeRecord(record);
}
