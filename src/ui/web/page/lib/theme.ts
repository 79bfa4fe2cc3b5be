/** Light or dark: as the system says, or as chosen. */
import { effect } from "@preact/signals";
import { preference } from "./preferences.js";

/** What can be chosen. */
export const THEMES = ["system", "light", "dark"] as const;
/** One of `THEMES`. */
export type Theme = (typeof THEMES)[number];

/** The choice. */
export const theme = preference<Theme>("theme", "system");

/** Puts the choice on the document, now and whenever it changes. */
export function followTheme(): void {
  effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
  });
}
