/** Holds the form in which the checks of packed pixels say what they found. */

/** What was found. */
export interface DataFaults {
  /** What shows that the data are damaged. */
  readonly damage?: string;
  /** What is wrong with data that could still be read, as the end of a sentence that begins with the file's name. */
  readonly warnings?: readonly string[];
}
