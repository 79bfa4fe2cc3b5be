/** Changes of a page's own settings: what differs is sent, and null takes a setting back to that of the chapter. */
import type { PageOwnSettings, RedoSettings } from "../../api/schemas.js";

/** What leads from the settings that a page has to others. */
export function changesBetween(before: PageOwnSettings, after: PageOwnSettings): RedoSettings {
  const was = before as Readonly<Record<string, unknown>>;
  const is = after as Readonly<Record<string, unknown>>;
  const gone = Object.keys(was).filter((key) => is[key] === undefined);
  return Object.fromEntries([
    ...gone.map((key) => [key, null] as const),
    ...Object.entries(is).filter(
      ([key, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(was[key]),
    ),
  ]);
}

/** The settings of a page with changes over them. */
export function withChanges(before: PageOwnSettings, changes: RedoSettings): PageOwnSettings {
  return Object.fromEntries(
    Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null && value !== undefined),
  );
}

/** The settings that all pages have in common, hints left out: they are painted on one page. */
export function commonSettings(all: readonly PageOwnSettings[]): PageOwnSettings {
  const [{ hints: _hints, ...first } = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([key, value]) =>
      others.every((one) => JSON.stringify((one as Record<string, unknown>)[key]) === JSON.stringify(value)),
    ),
  );
}
