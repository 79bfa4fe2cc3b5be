/** The program with all its commands, and how its help looks. */
import { Command, CommanderError, Help, type Option } from "commander";
import { VERSION } from "../../core/version.js";
import { printable } from "../../text/printable.js";
import { approveCommand } from "./commands/approve-command.js";
import { assembleCommand } from "./commands/assemble-command.js";
import { benchCommand } from "./commands/bench-command.js";
import { classifyCommand } from "./commands/classify-command.js";
import { colorizeCommand } from "./commands/colorize-command.js";
import { completionCommand } from "./commands/completion-command.js";
import { configCommand } from "./commands/config-command.js";
import { doctorCommand } from "./commands/doctor-command.js";
import { EXIT } from "./output/exit-codes.js";
import { modelCommand } from "./commands/model-command.js";
import { queueCommand } from "./commands/queue-command.js";
import { redoCommand } from "./commands/redo-command.js";
import { rejectCommand } from "./commands/reject-command.js";
import { retryCommand } from "./commands/retry-command.js";
import { serveCommand } from "./commands/serve-command.js";
import { storeCommand } from "./commands/store-command.js";
import { submitCommand } from "./commands/submit-command.js";
import { tuneCommand } from "./commands/tune-command.js";
import { watchCommand } from "./commands/watch-command.js";
import { workerCommand } from "./commands/worker-command.js";
import { refuseFlagFaults } from "./flags/flag-values.js";
import { asStarted } from "./output/program-name.js";
import { HELP_COLUMNS } from "./ready-text.js";

/** A fresh program, ready to parse. Errors of its flags are thrown as `CommanderError`. */
export function createProgram(): Command {
  const program = new Command("cobra-batch")
    .description("Colours whole chapters of comic line art with the Cobra diffusion model.")
    .version(VERSION)
    .addCommand(colorizeCommand())
    .addCommand(approveCommand())
    .addCommand(rejectCommand())
    .addCommand(retryCommand())
    .addCommand(redoCommand())
    .addCommand(assembleCommand())
    .addCommand(watchCommand())
    .addCommand(submitCommand())
    .addCommand(workerCommand())
    .addCommand(queueCommand())
    .addCommand(storeCommand())
    .addCommand(serveCommand())
    .addCommand(classifyCommand())
    .addCommand(configCommand())
    .addCommand(modelCommand())
    .addCommand(tuneCommand())
    .addCommand(benchCommand())
    .addCommand(doctorCommand())
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch doctor                   can this machine colour pages?
  cobra-batch classify chapter.cbz     which pictures are pages?
  cobra-batch colorize chapter.cbz     colour them, into chapter_colorized.cbz
  cobra-batch redo chapter_colorized.cbz 003.png    colour one page again
  cobra-batch retry chapter_colorized.cbz --failed  try failed pages again
  cobra-batch serve                    colour chapters in a web page

cobra-batch <command> --help shows the flags and examples of a command.`,
    )
    .hook("preAction", (_program, command) => refuseFlagFaults(command));
  program.addCommand(completionCommand(() => program));
  prepare(program);
  return program;
}

/** Runs the program with the process's arguments. Wrong flags are reported and become the exit code. */
export async function runProgram(): Promise<void> {
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error.exitCode !== 0 && process.argv.includes("--json")) {
      const { printFatalLine } = await import("./output/report-errors.js");
      printFatalLine("ERR_CONFIG", error.message.replaceAll(/^error: /gm, ""));
    }
  }
}

function prepare(command: Command): void {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(asStarted(`Run ${fullName(command)} --help for its flags and examples.`))
    .configureOutput({
      writeErr: (text) => void process.stderr.write(printable(text)),
      getOutHelpWidth: () => helpWidth(process.stdout),
      getErrHelpWidth: () => helpWidth(process.stderr),
    })
    .configureHelp({ optionDescription })
    .helpOption("-h, --help", "show this help");
  for (const child of command.commands) prepare(child);
}

function helpWidth({ isTTY, columns }: { readonly isTTY?: boolean; readonly columns?: number }): number {
  return isTTY === true ? Math.min(columns ?? HELP_COLUMNS, HELP_COLUMNS) : HELP_COLUMNS;
}

/** The command as it is typed, such as "cobra-batch config check". */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/**
 * An option's description, then its choices and its default. A default that is not commander's own is in
 * `defaultValueDescription`.
 */
function optionDescription(this: Help, option: Option): string {
  const notes = [
    ...(option.argChoices === undefined
      ? []
      : [option.argChoices.map((choice) => (choice.includes(" ") ? `"${choice}"` : choice)).join(" | ")]),
    ...(option.defaultValueDescription === undefined
      ? option.defaultValue === undefined || option.isBoolean()
        ? []
        : [`default: ${String(option.defaultValue)}`]
      : [`default: ${option.defaultValueDescription}`]),
  ];
  return notes.length === 0 ? option.description : `${option.description} (${notes.join("; ")})`;
}
