// The table of docs/metrics.md.
import { table } from "./table.mjs";

/** @param {Record<string, {type: string, help: string, labels: readonly string[]}>} metrics */
export function metricsTable(metrics) {
  return table(
    ["metric", "type", "labels", "what"],
    Object.entries(metrics).map(([name, { type, labels, help }]) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(", "),
      help,
    ]),
  );
}
