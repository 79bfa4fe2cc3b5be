/** The public API of cobra-batch, and only that. */
export * from "./errors.js";
