/** `cobra-batch completion`: a script that completes the command's words in a shell. */
import { Argument, Command } from "commander";
import { bashScript, fishScript, zshScript } from "../completion/scripts.js";
import { describeCommands } from "../completion/words.js";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** The command, ready to be added to the program. @param program what is completed, once it is whole */
export function completionCommand(program: () => Command): Command {
  return new Command("completion")
    .summary("print a script that completes commands and flags in your shell")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SCRIPTS)))
    .addHelpText(
      "after",
      `
Examples:
  source <(cobra-batch completion bash)      for this bash; in ~/.bashrc for all
  cobra-batch completion zsh > "\${fpath[1]}/_cobra-batch"
  cobra-batch completion fish > ~/.config/fish/completions/cobra-batch.fish`,
    )
    .action((shell: keyof typeof SCRIPTS) => void process.stdout.write(SCRIPTS[shell](describeCommands(program()))));
}
