/**
 * Logging on pino: silent until `setupLogging` is called, so that an embedding program sees nothing it did not ask for.
 * People get one plain line a record on a terminal, machines get NDJSON. Levels carry the names of the contract.
 */
import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";

/** Levels of the contract, from the most to the least talkative; `SILENT` logs nothing. */
export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "SILENT"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A component's logger: `debug info warn error fatal`, each `(fields, message)` or `(message)`. */
export type Logger = Pick<PinoLogger, "debug" | "info" | "warn" | "error" | "fatal" | "isLevelEnabled">;

export interface LoggingOptions {
  /** Least level that is written. Default `INFO`. */
  level?: LogLevel;
  /** `text` for people, `json` for machines (NDJSON). Default: `text` when the stream is a terminal. */
  format?: "text" | "json";
  /** Where lines go. Default: standard error. */
  stream?: { write(text: string): unknown; isTTY?: boolean };
}

const PINO_LEVEL: Record<LogLevel, string> = { DEBUG: "debug", INFO: "info", WARNING: "warn", ERROR: "error", CRITICAL: "fatal", SILENT: "silent" };
const NAME_OF_LEVEL: Record<number, LogLevel> = { 20: "DEBUG", 30: "INFO", 40: "WARNING", 50: "ERROR", 60: "CRITICAL" };

let destination: DestinationStream = { write: () => undefined };
const root: PinoLogger = pino(
  { level: "silent", base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (_label, value) => ({ level: NAME_OF_LEVEL[value] ?? "INFO" }) } },
  { write: (line: string) => destination.write(line) },
);
const children = new Set<PinoLogger>();

function textLine(line: string): string {
  const { level, time, component, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const rest = Object.entries(fields)
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
  return `${clock} ${String(level).padEnd(8)} ${component ? `[${String(component)}] ` : ""}${String(msg ?? "")}${rest}\n`;
}

/** Turns logging on (or, with `SILENT`, off) for the whole process; may be called again. */
export function setupLogging(options: LoggingOptions = {}): void {
  const stream = options.stream ?? process.stderr;
  const format = options.format ?? (stream.isTTY ? "text" : "json");
  destination = { write: (line: string) => void stream.write(format === "text" ? textLine(line) : line) };
  root.level = PINO_LEVEL[options.level ?? "INFO"];
  for (const child of children) child.level = root.level;
}

/** A logger whose lines carry the component's name. */
export function getLogger(component: string): Logger {
  const child = root.child({ component });
  children.add(child);
  return child;
}
