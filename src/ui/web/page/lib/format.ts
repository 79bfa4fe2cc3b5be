/** Numbers and times for people, in the language of the page. */
import { computed } from "@preact/signals";
import { language, t } from "../texts/texts.js";
import { localeOf } from "./locale.js";

const locale = computed(() => localeOf(language.value, navigator.languages));

const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** A number of bytes, such as "1.4 GB". */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(count) / Math.log(1000)));
  const value = count / 1000 ** power;
  const digits = power === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(locale.value, { maximumFractionDigits: digits })} ${UNITS[power]}`;
}

/** A length of time, such as "2 min 05 s"; where it is rough, without tenths. */
export function duration(seconds: number, { rough = false } = {}): string {
  const { hours, minutes, seconds: unit } = t.value.units;
  if (seconds < 10 && !rough) return `${seconds.toLocaleString(locale.value, { maximumFractionDigits: 1 })} ${unit}`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} ${unit}`;
  if (whole < 3600) return `${Math.floor(whole / 60)} ${minutes} ${String(whole % 60).padStart(2, "0")} ${unit}`;
  return `${Math.floor(whole / 3600)} ${hours} ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} ${minutes}`;
}

/** A share, such as "87 %". */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** When something was, such as "today, 14:05". */
export function moment(iso: string): string {
  const date = new Date(iso);
  const time = date.toLocaleTimeString(locale.value, { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return t.value.today(time);
  return `${date.toLocaleDateString(locale.value, { day: "numeric", month: "short", year: "numeric" })}, ${time}`;
}

/** A time of today to the second, such as "14:05:09". */
export function clock(iso: string): string {
  return new Date(iso).toLocaleTimeString(locale.value);
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
