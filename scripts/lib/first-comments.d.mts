/** @returns one line for each fault */
export function checkFirstComments(folders?: readonly string[]): string[];

/** The first line of the comment that a file begins with. */
export function firstComment(text: string): string | undefined;
