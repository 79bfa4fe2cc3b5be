// Generates the files of docs/ and models/ that come from the compiled code, whole or in part. `npm run docs` writes
// them; a test compares them with what is committed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../steps.mjs";
import { apiPage } from "./api.mjs";
import { commandTable } from "./commands.mjs";
import { errorTables } from "./errors.mjs";
import { metricsTable } from "./metrics.mjs";
import { lineTables } from "./json-lines.mjs";

/** Files by path from the root, as they should be. @returns {Promise<Map<string, string>>} */
export async function generatedDocs() {
  const { jsonLineSchema } = await import("../../../dist/ui/cli/output/json-lines.js");
  const { createProgram } = await import("../../../dist/ui/cli/program.js");
  const { ERROR_TABLE } = await import("../../../dist/errors.js");
  const { catalogueJsonSchema } = await import("../../../dist/install/catalogue/catalogue-schema.js");
  const { openApiDocument } = await import("../../../dist/ui/web/server/document.js");
  const { METRICS } = await import("../../../dist/observe/metrics/table.js");
  const { reportJsonSchema } = await import("../../../dist/tune/report/report.js");
  const lines = jsonLineSchema();
  return new Map([
    ["docs/cli-json.schema.json", `${JSON.stringify(lines, null, 2)}\n`],
    ["docs/tune-report.schema.json", `${JSON.stringify(reportJsonSchema(), null, 2)}\n`],
    ["models/catalogue.schema.json", `${JSON.stringify(catalogueJsonSchema(), null, 2)}\n`],
    ["docs/cli.md", withSections("docs/cli.md", commandTable(createProgram()))],
    ["docs/cli-json.md", withSections("docs/cli-json.md", lineTables(lines))],
    ["docs/api.md", apiPage().text],
    ["docs/openapi.json", `${JSON.stringify(await openApiDocument(), null, 2)}\n`],
    ["docs/metrics.md", withSections("docs/metrics.md", { metrics: metricsTable(METRICS) })],
    ["docs/errors.md", withSections("docs/errors.md", errorTables(ERROR_TABLE))],
  ]);
}

/** A committed page with its generated sections, each between two comments, replaced. */
function withSections(path, sections) {
  let text = readFileSync(join(ROOT, path), "utf8");
  for (const [name, body] of Object.entries(sections)) {
    const start = `<!-- generated: ${name} (npm run docs) -->\n`;
    const end = `\n<!-- end: ${name} -->`;
    const from = text.indexOf(start);
    const to = text.indexOf(end, from);
    if (from < 0 || to < 0) throw new Error(`${path} lacks the comments around its generated section "${name}"`);
    text = text.slice(0, from + start.length) + body.trimEnd() + text.slice(to);
  }
  return text;
}
