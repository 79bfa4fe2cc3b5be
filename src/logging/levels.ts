/** The log levels, their names in pino, and the level of a component. */
import { ValidationError } from "../errors.js";
import { shown } from "../errors/arguments.js";

/** Levels from the most to the fewest lines; `SILENT` logs nothing. */
export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "SILENT"] as const;
/** A log level. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The level of everything, and of components that have one of their own. Plain data: it travels to worker threads. */
export interface LevelTable {
  readonly level: LogLevel;
  readonly components: Readonly<Record<string, LogLevel>>;
}

/** pino's numbers of its levels. */
export const PINO_NUMBERS: Readonly<Record<string, number>> = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

const NUMBERS: Readonly<Record<LogLevel, number>> = {
  DEBUG: 20,
  INFO: 30,
  WARNING: 40,
  ERROR: 50,
  CRITICAL: 60,
  SILENT: Infinity,
};

/** The least number of pino's that is written at a level. */
export function levelNumber(level: LogLevel): number {
  return NUMBERS[level];
}

/** The level of pino's number. */
export function levelName(value: number): LogLevel {
  return LOG_LEVELS.find((level) => NUMBERS[level] === value) ?? "INFO";
}

/** A level by its name, in any case. @throws ValidationError `ERR_ARGUMENT` for another name */
export function checkLevel(value: string, where: string): LogLevel {
  const name = (typeof value === "string" ? value.toUpperCase() : "") as LogLevel;
  if (!LOG_LEVELS.includes(name))
    throw new ValidationError("ERR_ARGUMENT", `${where} is ${shown(value)}; the levels are ${LOG_LEVELS.join(", ")}`);
  return name;
}

/** The level of a component: its own, else everything's. While nothing is set up, all are silent. */
export function levelOf(component: string, table: LevelTable): LogLevel {
  return table.level === "SILENT" ? "SILENT" : (table.components[component] ?? table.level);
}

/** Whether no component logs anything. */
export function isSilent(table: LevelTable): boolean {
  return table.level === "SILENT";
}
