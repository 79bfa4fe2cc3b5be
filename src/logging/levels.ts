/** The levels of the contract, what pino calls them, and which level a component has. */
import { ValidationError } from "../errors.js";

/** Levels of the contract, from the most to the least talkative; `SILENT` logs nothing. */
export const LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "SILENT"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The level of everything, and of components that have one of their own. Plain data: it travels to worker threads. */
export interface LevelTable {
  readonly level: LogLevel;
  readonly components: Readonly<Record<string, LogLevel>>;
}

const PINO_LEVEL: Readonly<Record<LogLevel, string>> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "fatal",
  SILENT: "silent",
};
const NAME_OF_LEVEL: Readonly<Record<number, LogLevel>> = {
  20: "DEBUG",
  30: "INFO",
  40: "WARNING",
  50: "ERROR",
  60: "CRITICAL",
};

/** The level as pino names it. */
export function pinoLevel(level: LogLevel): string {
  return PINO_LEVEL[level];
}

/** The contract's name of pino's number. */
export function levelName(value: number): LogLevel {
  return NAME_OF_LEVEL[value] ?? "INFO";
}

/** A level by its name, in any case. @throws ValidationError `ERR_ARGUMENT` for another name */
export function checkLevel(value: string, where: string): LogLevel {
  const name = String(value).toUpperCase() as LogLevel;
  if (!LOG_LEVELS.includes(name))
    throw new ValidationError(
      "ERR_ARGUMENT",
      `${where} is ${JSON.stringify(value)}; the levels are ${LOG_LEVELS.join(", ")}`,
    );
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
