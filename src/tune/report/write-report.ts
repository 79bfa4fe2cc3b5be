/** Writes what a tuning leaves: `report.json`, `settings.json`, `report.html`, `trace.json`. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import { packagePath } from "../../platform/package-files.js";
import { configFileOf, type Setting } from "../setting.js";
import type { Report } from "./report.js";
import { traceOf } from "./trace.js";

/** The page without a report: built from `page/` by the build. */
const TEMPLATE = packagePath("dist/tune/report-page.html");
/** Where the report goes in the page. */
const PLACE = '"REPORT"';

/** The files of a tuning in its folder. */
export function reportFiles(out: string): { report: string; settings: string; page: string; trace: string } {
  return {
    report: join(out, "report.json"),
    settings: join(out, "settings.json"),
    page: join(out, "report.html"),
    trace: join(out, "trace.json"),
  };
}

/** Writes `report.json` alone, so that a tuning that is killed can be continued. */
export async function writeReportData(out: string, report: Report): Promise<void> {
  await write(reportFiles(out).report, `${JSON.stringify(report, null, 1)}\n`);
}

/** Writes all files. @throws ResourceError `ERR_OUTPUT_WRITE` */
export async function writeReport(out: string, report: Report): Promise<void> {
  const { settings, page, trace } = reportFiles(out);
  await writeReportData(out, report);
  const best = report.measured.find(({ id }) => id === report.best);
  if (best === undefined) await rm(settings, { force: true }); // of an earlier tuning with other limits
  else {
    // What costs more than time and memory, and where a chapter lies, is for a person to choose.
    const kept = Object.fromEntries(
      Object.entries(best.setting).filter(
        ([name]) => report.knobs.find((knob) => knob.name === name)?.isKept !== false,
      ),
    ) as Setting;
    await write(settings, `${JSON.stringify(configFileOf(kept, report.base), null, 2)}\n`);
  }
  await write(trace, JSON.stringify(traceOf(report.spans)));
  const template = await readFile(TEMPLATE, "utf8");
  // No text of the report may end the script that it stands in.
  const data = JSON.stringify(report).replaceAll("<", String.raw`\u003c`);
  await write(
    page,
    template.replace(PLACE, () => data),
  );
}

function write(path: string, text: string): Promise<unknown> {
  return writeFileAtomic(path, Buffer.from(text), true);
}

/** Rejects with `ERR_OUTPUT_WRITE` where nothing can be written, before anything is measured. */
export async function checkWritable(out: string): Promise<void> {
  const path = join(out, ".cobra-tune-check");
  await write(path, "");
  await rm(path, { force: true });
}
