/** Chooses the locale of numbers, dates and times. */

/**
 * The browser's own variant of the page's language, such as "en-GB"; where it has none, the language with the browser's
 * clock of 12 or 24 hours.
 * @param browser languages of the browser, the most wanted first
 */
export function localeOf(language: string, browser: readonly string[]): string {
  const own = browser.find((tag) => tag.split("-", 1)[0] === language);
  if (own !== undefined) return own;
  const { hourCycle } = new Intl.DateTimeFormat(browser[0], { hour: "numeric" }).resolvedOptions();
  return hourCycle === undefined ? language : `${language}-u-hc-${hourCycle}`;
}
