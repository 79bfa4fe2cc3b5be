/**
 * A log record as one line for people. Names of pages come from untrusted archives, so control characters are escaped.
 */
import { printableLine } from "../text/printable.js";

const COLOUR: Readonly<Record<string, number>> = { DEBUG: 90, INFO: 36, WARNING: 33, ERROR: 31, CRITICAL: 35 };

/**
 * `13:30:00.123 INFO     [batch] message key=value`; a stack follows in lines of its own. Whoever reads it knows the
 * process and the host.
 */
export function textLine(record: string, colour = false): string {
  const {
    level,
    time,
    pid: _pid,
    host: _host,
    component,
    msg,
    err,
    ...fields
  } = JSON.parse(record) as Record<string, unknown>;
  const name = String(level).padEnd(8);
  const shown = colour ? `\u001b[${COLOUR[String(level)] ?? 0}m${name}\u001b[0m` : name;
  const rest = Object.entries(fields)
    .map(([key, value]) => ` ${key}=${fieldText(value)}`)
    .join("");
  const head = `${localClock(String(time))} ${shown} ${component === undefined ? "" : `[${printableLine(String(component))}] `}${printableLine(String(msg ?? ""))}${rest}\n`;
  return err === undefined ? head : head + stackText(err);
}

function fieldText(value: unknown): string {
  if (typeof value !== "string") return printableLine(JSON.stringify(value));
  const text = printableLine(value);
  return text === "" || /[\s"=]/u.test(text) ? `"${text.replaceAll('"', '\\"')}"` : text;
}

function stackText(err: unknown): string {
  const { stack, message } = err as { stack?: unknown; message?: unknown };
  const lines = String(stack ?? message ?? JSON.stringify(err)).split("\n");
  return `${lines.map((line) => `    ${printableLine(line)}`).join("\n")}\n`;
}

/** The local time of an ISO time, to the millisecond. */
function localClock(iso: string): string {
  const time = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
