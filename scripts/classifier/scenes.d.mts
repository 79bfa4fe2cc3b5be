/** Types of `scenes.mjs`. */
export declare function labelledPictures(
  seed: number,
  count: number,
): AsyncGenerator<{ kind: string; type: "line_art" | "colored"; bytes: Buffer }>;
