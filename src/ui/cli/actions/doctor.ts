/** `cobra-batch doctor`: checks what this machine can do, and says how to get what is missing. */
import { misspeltVariables } from "../../../config/layers.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { modelDirectory } from "../../../model/default-model.js";
import { readHostMemory } from "../../../platform/host-memory.js";
import { VERSION } from "../../../core/version.js";
import { checkGpus, checkModel, checkProviders, checkRuntime, checkSharp } from "../doctor/engine-checks.js";
import type { Finding, Status } from "../doctor/finding.js";
import { nvidiaGpus } from "../doctor/gpu-checks.js";
import { checkHost } from "../doctor/host-checks.js";
import { checkPages } from "../doctor/page-checks.js";
import { checkStorage } from "../doctor/storage-checks.js";
import type { DoctorFlags } from "../commands/doctor-command.js";
import { asStarted } from "../output/program-name.js";
import { EXIT } from "../output/exit-codes.js";
import { oneLine, painter, type Color, wantsColor, wrapWidth } from "../output/terminal-text.js";

const COLORS: Record<Status, Color> = { ok: "green", note: "dim", warning: "yellow", error: "red" };
const INDENT = 28;

/** Prints the findings. @returns the exit code */
export async function doctor(flags: DoctorFlags): Promise<number> {
  const findings: Finding[] = [{ check: "cobra-batch", title: "cobra-batch", status: "ok", found: VERSION }];
  const report = (more: readonly Finding[]): void => {
    findings.push(...more);
    for (const finding of more) print(finding, flags);
  };
  print(findings[0]!, flags);
  report(await checkHost());
  report([checkSharp(), checkRuntime()]);
  const wanted = flags.provider ?? "cpu";
  const gpus = await nvidiaGpus();
  report(checkGpus(wanted, gpus));
  report(await checkProviders(wanted, gpus.length));
  report([await checkModel(flags.model)]);
  const devices = [
    { name: "cpu", freeBytes: readHostMemory().availableBytes },
    ...gpus.map(({ freeBytes }, number) => ({ name: `cuda:${number}`, freeBytes })),
  ];
  const model = foundModel(flags.model);
  if (model !== undefined) for (const device of devices) report([await checkPages(model, device)]);
  report(await checkStorage(process.env));
  report(
    misspeltVariables(process.env).map(({ message, remedy }) => ({
      check: "environment",
      title: "environment",
      status: "warning",
      found: message,
      remedy: `${remedy} Correct its name or unset it`,
    })),
  );
  const errors = findings.filter(({ status }) => status === "error").length;
  if (!flags.json)
    process.stdout.write(
      errors === 0 ? "this machine can colour pages\n" : "this machine cannot colour pages yet; see the errors above\n",
    );
  return errors === 0 ? EXIT.done : EXIT.fatal;
}

/** Undefined for one that is not there, which another finding has told. */
function foundModel(named: string | undefined): string | undefined {
  try {
    return modelDirectory(named);
  } catch {
    return undefined;
  }
}

function print(finding: Finding, { json }: DoctorFlags): void {
  if (json) {
    process.stdout.write(toJsonLine({ type: "finding", ...finding }));
    return;
  }
  const paint = painter(wantsColor(process.stdout, process.env));
  const { status, title, found, remedy } = finding;
  const width = (process.stdout.columns || 80) - INDENT;
  const lines = [
    ...wrapWidth(oneLine(found), width),
    ...(remedy === undefined ? [] : wrapWidth(`-> ${asStarted(remedy)}`, width)),
  ];
  process.stdout.write(
    `${paint(COLORS[status], status.padEnd(8))} ${title.padEnd(INDENT - 10)} ${lines.join(`\n${" ".repeat(INDENT)}`)}\n`,
  );
}
