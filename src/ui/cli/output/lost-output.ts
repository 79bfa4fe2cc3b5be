/**
 * Standard output and error that cannot be written: a reader that closes the pipe (`| head`), a full disk or a fault of
 * the disk behind a redirection, a terminal that is gone. Lines are lost, and the work goes on. Where the lines were
 * the result, the command has failed.
 */

/** What ends an output stream and nothing else. */
const STREAM_FAULTS: ReadonlySet<unknown> = new Set(["EPIPE", "ENOSPC", "EDQUOT", "EFBIG", "EIO", "EBADF", "ENXIO"]);

/** Commands whose results are files, chapters or answers to others: what they print only tells of them. */
const RESULTS_ELSEWHERE: ReadonlySet<string | undefined> = new Set([
  "colorize",
  "retry",
  "redo",
  "approve",
  "reject",
  "assemble",
  "watch",
  "worker",
  "serve",
  "store",
  "submit",
  "tune",
]);

/** "Try again", as when a file cannot be written. */
const EXIT_CODE = 75;

/** @param args the command line after the script */
export function outliveLostOutput(args: readonly string[]): void {
  let lost: string | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    const take = (error: unknown): void => {
      if (!(error instanceof Error && "code" in error && STREAM_FAULTS.has(error.code))) throw error;
      // Who closes a pipe has read enough, and a terminal that is gone has nobody to tell.
      if (stream === process.stdout && error.code !== "EPIPE" && !stream.isTTY) lost ??= String(error.code);
    };
    // A pipe reports a fault as an event; a file, which is written synchronously, throws it.
    stream.on("error", take);
    const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
    stream.write = (...given: unknown[]): boolean => {
      try {
        return write(...given);
      } catch (error) {
        take(error);
        return true;
      }
    };
  }
  process.on("exit", (code) => {
    if (lost === undefined) return;
    const isResult = !RESULTS_ELSEWHERE.has(args.find((arg) => !arg.startsWith("-")));
    process.stderr.write(
      `${isResult ? "error" : "warning"}: standard output cannot be written (${lost}); lines of it are missing\n`,
    );
    if (isResult && code === 0) process.exitCode = EXIT_CODE;
  });
}
