#!/usr/bin/env node
/**
 * The `cobra-batch` command: prints help that is ready, else loads the program and runs it. Reports when no file
 * handles are left even for that.
 */
import { outliveLostOutput } from "./output/lost-output.js";
import { readyText } from "./ready-text.js";

outliveLostOutput(process.argv.slice(2));

try {
  const ready = await readyText(process.argv.slice(2), process.stdout.isTTY ? process.stdout.columns : undefined);
  if (ready === undefined) {
    const { runProgram } = await import("./program.js");
    await runProgram();
  } else process.stdout.write(ready);
} catch (error) {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EMFILE" && code !== "ENFILE") throw error;
  process.stderr.write(
    `error: the program cannot be loaded: too many open files (${code}); raise the limit, for example with \`ulimit -n 1024\`\n`,
  );
  process.exitCode = 75; // "try again"; the table of exit codes is one more file
}
