#!/usr/bin/env node
/** The `cobra-batch` command: runs the program, nothing else. */
import { CommanderError } from "commander";
import { EXIT } from "./exit-codes.js";
import { createProgram } from "./program.js";

// A reader that goes away (`| head`) is no error: what is still to be said is dropped, a batch goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
}
