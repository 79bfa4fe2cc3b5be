// The tables of docs/cli-json.md, from the JSON Schema of a line.

import { table } from "./table.mjs";

/** Fields that every line has; the page explains them once. */
const COMMON = new Set(["schema", "type", "time", "job"]);

/** Sections of the page by name. */
export function lineTables(schema) {
  const lines = schema.oneOf ?? schema.anyOf;
  const isEvent = (line) => "job" in line.properties;
  const objects = Object.entries(schema.$defs).filter(([, { properties }]) => properties !== undefined);
  return {
    events: table(["type", "when", "fields"], lines.filter(isEvent).map(lineRow)),
    commands: table(["type", "when", "fields"], lines.filter((line) => !isEvent(line)).map(lineRow)),
    fields: table(["field", "value", "meaning"], fieldRows(lines)),
    objects: objects
      .map(
        ([name, object]) =>
          `**${name}**: ${object.description}\n\n${table(["field", "value", "meaning"], rowsOf(object))}`,
      )
      .join("\n\n"),
  };
}

function lineRow(line) {
  const fields = Object.keys(line.properties).filter((name) => !COMMON.has(name));
  const shown = fields.map((name) => (isRequired(line, name) ? `\`${name}\`` : `[\`${name}\`]`));
  return [`\`${line.properties.type.const}\``, line.description, shown.join(" ")];
}

/** Each field once for each value and meaning that it has. */
function fieldRows(lines) {
  const rows = lines.flatMap((line) => rowsOf(line).filter(([name]) => !COMMON.has(name.replaceAll("`", ""))));
  const unique = new Map(rows.map((row) => [row.join("|"), row]));
  return [...unique.values()].sort(([a], [b]) => a.replaceAll("`", "").localeCompare(b.replaceAll("`", ""), "en"));
}

function rowsOf({ properties }) {
  return Object.entries(properties).map(([name, field]) => [`\`${name}\``, valueOf(field), meaningOf(field)]);
}

const isRequired = ({ required = [] }, name) => required.includes(name);

/** Descriptions of named objects stand at the objects. */
function meaningOf({ description = "", items }) {
  return description || items?.description || "";
}

function valueOf(field) {
  const reference = field.$ref ?? field.allOf?.[0].$ref;
  if (reference !== undefined) return reference.replace("#/$defs/", "");
  if (field.const !== undefined) return `\`${JSON.stringify(field.const)}\``;
  if (field.enum !== undefined) return field.enum.map((value) => `\`${value}\``).join(" ");
  if (field.type === "array") return `list of ${valueOf(field.items)}`;
  if (field.type === "object" && field.properties !== undefined && !field.additionalProperties)
    return `{ ${Object.entries(field.properties)
      .map(([name, inner]) => `${name}: ${valueOf(inner)}`)
      .join("; ")} }`;
  return field.type ?? "any";
}
