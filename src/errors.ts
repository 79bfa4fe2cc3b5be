/** The errors of the engine: the table of codes, the classes, and what can be told of an error. */
export * from "./errors/classes.js";
export * from "./errors/facts.js";
export * from "./errors/table.js";
