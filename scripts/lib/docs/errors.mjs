// The tables of docs/errors.md, from the table of errors.
import { table } from "./table.mjs";

const GROUPS = {
  page: "A page",
  input: "Inputs",
  output: "Outputs",
  usage: "Settings and calls",
  farm: "The farm",
  server: "The web server",
  model: "Model packages",
  engine: "Engine, devices, memory",
  bug: "Bugs",
};

/** Sections of the page by name. */
export function errorTables(errors) {
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const rows = Object.entries(errors).filter(([, facts]) => facts.group === group);
    const cells = rows.map(([code, { when, remedy, scope, retryable, exitCode, className }]) => [
      `\`${code}\``,
      when,
      remedy,
      scope,
      retryable,
      scope === "request" ? "–" : retryable === "depends" ? `${exitCode} or 75` : String(exitCode),
      `\`${className}\``,
    ]);
    return `## ${title}\n\n${table(["code", "when", "what to do", "scope", "try again", "exit", "class"], cells)}`;
  });
  return { errors: groups.join("\n\n") };
}
