/** Limits that server and page share. Without zod, which the page does not load. */

/** Characters (code points) of a job's name. */
export const MOST_NAME_CHARACTERS = 200;
