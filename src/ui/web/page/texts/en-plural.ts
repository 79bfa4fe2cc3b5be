/** Counts with their nouns, in English. */
const plural = new Intl.PluralRules("en");
/** "1 page", "2 pages". */
export const many = (count: number, one: string, other: string): string =>
  `${count.toLocaleString("en")} ${plural.select(count) === "one" ? one : other}`;
