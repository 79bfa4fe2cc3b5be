#!/usr/bin/env node
/** The `cobra-batch` command: runs the program, nothing else. */
import { CommanderError } from "commander";
import { EXIT } from "./exit-codes.js";
import { createProgram } from "./program.js";

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
}
