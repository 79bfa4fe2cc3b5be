/** The language of the page and its texts: `t.value.jobs.title`. */
import { computed, effect } from "@preact/signals";
import { preference } from "../lib/preferences.js";
import { en, type Texts } from "./en.js";
import { ja } from "./ja.js";

const LANGUAGES = { en, ja } as const;
/** A language of the page. */
export type Language = keyof typeof LANGUAGES;
/** The languages, each named in itself. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", ja: "日本語" };

/** The chosen language; at first the browser's. */
export const language = preference<Language>("language", navigator.language.startsWith("ja") ? "ja" : "en");

/** The texts of the chosen language. */
export const t = computed<Texts>(() => LANGUAGES[language.value]);

/** Keeps the document's language as chosen. */
export function followLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value;
  });
}
