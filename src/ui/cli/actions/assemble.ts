/** `cobra-batch assemble`: joins the shards of outputs. */
import { TaskPool } from "../../../colorization/tasks/pool.js";
import { typedPath } from "../../../core/input/typed-path.js";
import { failuresFile } from "../../../core/output/work-folder.js";
import { BatchProcessingError } from "../../../errors.js";
import { assembleShards, isAssembledWhole, outputOfShards } from "../../../farm/shards/assemble.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import type { AssembleFlags } from "../commands/assemble-command.js";
import { listenForSignals } from "../interrupt.js";
import { EXIT, exitCodeFor, exitCodeOf, worstExitCode } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { newReporter } from "./run-batch.js";
import { startLogging } from "./start-logging.js";

/** Joins shards; an output that cannot be joined does not stop the others. @returns the exit code of the worst */
export async function assemble(outputs: readonly string[], flags: AssembleFlags): Promise<number> {
  const interrupt = listenForSignals(flags.drain * 1000);
  const codes: number[] = [];
  configureOwnProcess();
  const pool = new TaskPool();
  try {
    startLogging(flags);
    for (const path of outputs) {
      if (interrupt.drain.aborted) break;
      const reporter = newReporter(flags);
      try {
        const output = await outputOfShards(typedPath(path));
        if (output === undefined && (await isAssembledWhole(typedPath(path)))) {
          reporter.note(`${path} is assembled already: it has every page, and no shards`);
          codes.push(EXIT.done);
          continue;
        }
        if (output === undefined)
          throw new BatchProcessingError("ERR_RUN_NOT_FOUND", `there are no shards of ${path}`, {
            remedy: `name the output of \`cobra-batch colorize --shard\``,
          });
        reporter.failuresFile = await failuresFile(output);
        const { drain, signal } = interrupt;
        const onEvent = reporter.onEvent.bind(reporter);
        codes.push(exitCodeOf(await assembleShards(output, pool, { drain, signal, onEvent })));
      } catch (error) {
        reporter.stop();
        if (interrupt.exitCode !== undefined && interrupt.isStop(error)) return interrupt.exitCode;
        printError(error, Boolean(flags.json));
        codes.push(exitCodeFor(error));
      }
    }
    return interrupt.exitCode ?? worstExitCode(codes);
  } finally {
    await pool.close();
    interrupt.stop();
  }
}
