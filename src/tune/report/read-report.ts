/** Reads the report of an earlier tuning. A file of another kind is refused with what it is. */
import { join } from "node:path";
import { z } from "zod";
import { ConfigurationError, messageOf, systemCode } from "../../errors.js";
import { readNamedFile } from "../../platform/named-file.js";
import { parseJsonText } from "../../config/json-text.js";
import { REPORT_KIND, REPORT_VERSION, reportSchema, type Report } from "./report.js";

/** @throws ConfigurationError `ERR_CONFIG` for a file that cannot be read or is no report of this version */
export async function readReport(path: string): Promise<Report> {
  const text = await readNamedFile(path).then(String, (cause: unknown) => {
    if (systemCode(cause) === "EISDIR")
      throw refusal(path, "is a folder", `name the report in it, such as ${join(path, "report.json")}`, cause);
    throw refusal(path, `cannot be read: ${messageOf(cause)}`, undefined, cause);
  });
  const value = parseJsonText(text, path) as { kind?: unknown; version?: unknown } | null;
  if (typeof value !== "object" || value?.kind !== REPORT_KIND)
    throw refusal(
      path,
      "is not a report of `cobra-batch tune`",
      "name a report.json that it wrote, such as tune/report.json",
    );
  if (value.version !== REPORT_VERSION)
    throw refusal(
      path,
      `is a report of format ${JSON.stringify(value.version)}, and this version reads ${REPORT_VERSION}`,
      "measure again with `cobra-batch tune`",
    );
  const result = reportSchema.safeParse(value);
  if (!result.success)
    throw refusal(
      path,
      `is damaged: ${z.prettifyError(result.error).split("\n").slice(0, 2).join(" ")}`,
      "measure again",
    );
  return result.data;
}

function refusal(path: string, why: string, remedy?: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError("ERR_CONFIG", `${path} ${why}`, { remedy, ...(cause === undefined ? {} : { cause }) });
}
