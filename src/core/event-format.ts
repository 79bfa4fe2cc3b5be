/** The version of the event format, in a file of its own: code that only prints a line need not load the schema. */

/**
 * Version of the event format, `schema` in each line of `--json`. Fields and types may be added under the same number;
 * it rises when a field changes its meaning or goes.
 */
export const EVENT_FORMAT_VERSION = 1;
