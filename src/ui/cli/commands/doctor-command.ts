/** `cobra-batch doctor`: checks what this machine can do. */
import { Command } from "commander";
import type { Provider } from "../../../binding/runtime/providers.js";
import { providerFlag } from "../flags/run-flags.js";

export interface DoctorFlags {
  model?: string;
  provider?: Provider;
  json?: boolean;
}

/** The command, ready to be added to the program. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .summary("check what this machine can do, and how to get what is missing")
    .description(
      "Checks Node, memory, cores, folders, ONNX Runtime, its providers and the model. Each provider runs a convolution, a matrix product and attention, and the results are compared with the expected ones.",
    )
    .option(
      "--model <name|dir>",
      "installed model or package to check (default: COBRA_MODEL, else the one of `model use`)",
    )
    .addOption(providerFlag("the provider that must work"))
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch doctor
  cobra-batch doctor --provider cuda
  cobra-batch doctor --json | jq -r 'select(.status == "error").remedy'

"note" marks something optional that is missing, "warning" something that works
worse than it could, "error" something that prevents colouring.

Exit codes: 0 no errors, 1 errors, 64 wrong flags.`,
    )
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import("../actions/doctor.js");
      process.exitCode = await doctor(flags);
    });
}
