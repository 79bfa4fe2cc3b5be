/** `cobra-batch completion`: prints a script that completes commands and flags in a shell. */
import { Argument, Command } from "commander";

const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The command, ready to be added to the program. @param program what is completed, once it has all its commands */
export function completionCommand(program: () => Command): Command {
  return new Command("completion")
    .summary("print a completion script for your shell")
    .description("Prints a script that completes commands, flags and their values in your shell.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      `
Examples:
  source <(cobra-batch completion bash)      put this into ~/.bashrc
  cobra-batch completion zsh > "\${fpath[1]}/_cobra-batch"
  cobra-batch completion fish > ~/.config/fish/completions/cobra-batch.fish`,
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import("../completion/scripts.js");
      const { describeCommands } = await import("../completion/words.js");
      process.stdout.write(completionScript(shell, describeCommands(program())));
    });
}
