#!/usr/bin/env node
/**
 * The `cobra-batch` command: prints help that is ready, else loads the program and runs it. Reports when no file
 * handles are left even for that.
 */
import { readyText } from "./ready-text.js";

/**
 * What ends an output stream and nothing else: a reader that closes the pipe (`| head`), a full disk or a fault of the
 * disk behind a redirection, a terminal that is gone. Lines are lost, and a batch continues.
 */
const STREAM_FAULTS: ReadonlySet<unknown> = new Set(["EPIPE", "ENOSPC", "EDQUOT", "EFBIG", "EIO", "EBADF", "ENXIO"]);

for (const stream of [process.stdout, process.stderr]) {
  const rethrow = (error: unknown): void => {
    if (!(error instanceof Error && "code" in error && STREAM_FAULTS.has(error.code))) throw error;
  };
  // A pipe reports a fault as an event; a file, which is written synchronously, throws it.
  stream.on("error", rethrow);
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  stream.write = (...given: unknown[]): boolean => {
    try {
      return write(...given);
    } catch (error) {
      rethrow(error);
      return true;
    }
  };
}

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
