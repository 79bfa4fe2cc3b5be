/** A report of an earlier tuning in the same folder, which this one goes on with. */
import { VERSION } from "../core/version.js";
import { ConfigurationError } from "../errors.js";
import { exists } from "../io/files/exists.js";
import { machine, pageOf, type MeasuredThing } from "./report/compose-report.js";
import { readReport } from "./report/read-report.js";
import type { Report } from "./report/report.js";
import { reportFiles } from "./report/write-report.js";
import type { MeasuredSetting } from "./search.js";
import type { BaseEngine, Setting } from "./setting.js";
import type { TuneOptions } from "./tune-options.js";

/** Figures of another model, input or machine would not go together with these. */
export function refuseOther(earlier: Report, { model, provider, pages }: MeasuredThing, options: TuneOptions): void {
  const { base, goal, out } = options;
  const now: readonly (readonly [what: string, before: unknown, now: unknown])[] = [
    ["model", `${earlier.model.name} ${earlier.model.hash.slice(0, 8)}`, `${model.name} ${model.hash.slice(0, 8)}`],
    ["provider", earlier.provider, provider],
    ["input", earlier.input.name, pages.name],
    ["content of the input", (earlier.input.sha256 ?? pages.sha256).slice(0, 8), pages.sha256.slice(0, 8)],
    ["processor", earlier.machine.cpu, machine().cpu],
    ["goal", earlier.goal, goal],
    ["choice of devices", devicesOf(earlier.base), devicesOf(base)],
    ["page setting", pageText(earlier.page ?? pageOf(options.settings)), pageText(pageOf(options.settings))],
    ["version", earlier.cobraVersion, VERSION],
  ];
  const other = now.find(([, before, after]) => before !== after);
  if (other === undefined) return;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `${reportFiles(out).report} was measured with another ${other[0]}: ${String(other[1])}, and this one is ${String(other[2])}`,
    { remedy: "choose another --out, or replace it with --fresh" },
  );
}

/**
 * The report of a folder; undefined where there is none. Rejects with `ERR_CONFIG` for one that cannot be continued,
 * and for files of a report's names that lie there without one: they are the user's own.
 */
export async function earlierReport(out: string): Promise<Report | undefined> {
  const { report, ...others } = reportFiles(out);
  if (await exists(report)) return readEarlier(report);
  for (const path of Object.values(others))
    if (await exists(path))
      throw new ConfigurationError("ERR_CONFIG", `${path} is there, and is not of a tuning: ${report} is missing`, {
        remedy: "choose another --out, or replace it with --fresh",
      });
  return undefined;
}

/** A report that cannot be continued can be replaced. */
async function readEarlier(path: string): Promise<Report> {
  try {
    return await readReport(path);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError("ERR_CONFIG", `${path} cannot be continued: ${error.message}`, {
      cause: error,
      remedy: "choose another --out, or replace it with --fresh",
    });
  }
}

/** A setting as the search knows it. */
export function fromReport({ setting, samples, fault }: Report["measured"][number]): MeasuredSetting {
  return { setting: setting as Setting, samples: [...samples], ...(fault === undefined ? {} : { fault }) };
}

function devicesOf({ devices }: BaseEngine): string {
  return devices === undefined ? "the default" : [devices].flat().join(",");
}

function pageText({ steps, topK, references }: NonNullable<Report["page"]>): string {
  const from = references.length === 0 ? "of the input" : references.join(", ");
  return `steps ${steps ?? "default"}, top-k ${topK ?? "default"}, references ${from}`;
}
