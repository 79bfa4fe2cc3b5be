#!/usr/bin/env node
/** The `cobra-batch` command: loads the program and runs it. Reports when no file handles are left even for that. */
import { EXIT } from "./output/exit-codes.js";

// A reader that closes the pipe (`| head`) is not an error: further output is dropped, and a batch continues.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

try {
  const { runProgram } = await import("./program.js");
  await runProgram();
} catch (error) {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EMFILE" && code !== "ENFILE") throw error;
  process.stderr.write(
    `error: the program cannot be loaded: too many open files (${code}); raise the limit, for example with \`ulimit -n 1024\`\n`,
  );
  process.exitCode = EXIT.tryAgain;
}
