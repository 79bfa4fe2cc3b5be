/** `cobra-batch doctor`: what this machine can do, what is missing and how to get it. */
import { Command, Option } from "commander";
import type { Provider } from "../../../binding/index.js";
import { misspeltVariables } from "../../../config/layers.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { VERSION } from "../../../core/version.js";
import { checkModel, checkProviders, checkRuntime, checkSharp } from "../doctor/engine-checks.js";
import type { Finding, Status } from "../doctor/finding.js";
import { checkHost } from "../doctor/host-checks.js";
import { checkStorage } from "../doctor/storage-checks.js";
import { EXIT } from "../output/exit-codes.js";
import { oneLine, painter, wantsColor, wrapWidth, type Color } from "../output/terminal-text.js";

interface Flags {
  model?: string;
  provider: Provider;
  json?: boolean;
}

const COLORS: Record<Status, Color> = { ok: "green", note: "dim", warning: "yellow", error: "red" };
const INDENT = 28;

/** The command, ready to be added to the program. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .summary("say what this machine can do, what is missing and how to get it")
    .description("Looks at Node, memory, cores, folders, ONNX Runtime and its providers, and the model package.")
    .option("--model <dir>", "model package to look at (default: COBRA_MODEL, else the embedded model)")
    .addOption(
      new Option("--provider <name>", "the provider that must work")
        .choices(["cpu", "cuda", "tensorrt", "webgpu"])
        .default("cpu"),
    )
    .option("--json", "one JSON object a line")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch doctor
  cobra-batch doctor --provider cuda
  cobra-batch doctor --json | jq -r 'select(.status == "error").remedy'

"note" marks what is optional, "warning" what works worse than it could, "error"
what keeps pages from being coloured.

Exit codes: 0 no errors, 1 errors, 64 wrong flags.`,
    )
    .action(async (flags: Flags) => {
      process.exitCode = await doctor(flags);
    });
}

async function doctor(flags: Flags): Promise<number> {
  const findings: Finding[] = [{ check: "cobra-batch", title: "cobra-batch", status: "ok", found: VERSION }];
  const tell = (more: readonly Finding[]): void => {
    findings.push(...more);
    for (const finding of more) print(finding, flags);
  };
  print(findings[0]!, flags);
  tell(await checkHost());
  tell([checkSharp(), checkRuntime()]);
  tell(await checkProviders(flags.provider));
  tell([await checkModel(flags.model)]);
  tell(await checkStorage(process.env));
  tell(
    misspeltVariables(process.env).map((found) => ({
      check: "environment",
      title: "environment",
      status: "warning",
      found,
      remedy: "correct its name or unset it",
    })),
  );
  const errors = findings.filter(({ status }) => status === "error").length;
  if (!flags.json)
    process.stdout.write(
      errors === 0
        ? "pages can be coloured on this machine\n"
        : "pages cannot be coloured like this; see the errors above\n",
    );
  return errors === 0 ? EXIT.done : EXIT.fatal;
}

function print(finding: Finding, { json }: Flags): void {
  if (json) {
    process.stdout.write(toJsonLine({ type: "finding", ...finding }));
    return;
  }
  const paint = painter(wantsColor(process.stdout, process.env));
  const { status, title, found, remedy } = finding;
  const width = (process.stdout.columns || 80) - INDENT;
  const lines = [
    ...wrapWidth(oneLine(found), width),
    ...(remedy === undefined ? [] : wrapWidth(`-> ${remedy}`, width)),
  ];
  process.stdout.write(
    `${paint(COLORS[status], status.padEnd(8))} ${title.padEnd(INDENT - 10)} ${lines.join(`\n${" ".repeat(INDENT)}`)}\n`,
  );
}
