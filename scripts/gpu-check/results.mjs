// Saves what steps give: a line of JSON for each, and a page of tables that is rewritten each time.
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { say } from "../lib/steps.mjs";

const shown = (value) =>
  typeof value !== "number"
    ? String(value)
    : Number.isInteger(value)
      ? String(value)
      : value.toPrecision(4).replace(/\.?0+$/, "");
const cell = (text) =>
  String(text)
    .replaceAll("|", "\\|")
    .replace(/\s*\n\s*/g, " ");

export class Results {
  #steps = [];

  constructor(folder, { device, size, minutes }) {
    mkdirSync(folder, { recursive: true });
    this.paths = ["results.jsonl", "results.md"].map((name) => join(folder, name));
    this.title = `gpu-check on ${device}, ${size}, ${minutes} minutes, ${new Date().toISOString()}`;
    writeFileSync(this.paths[0], "");
  }

  get faults() {
    return this.#steps.filter(({ outcome }) => outcome === "failed").length;
  }

  has(name) {
    return this.#steps.some((step) => step.name === name);
  }

  add({ name, what }, result) {
    const step = { name, what, ...result };
    this.#steps.push(step);
    appendFileSync(this.paths[0], `${JSON.stringify(step)}\n`);
    writeFileSync(this.paths[1], this.#page());
    say(`${step.outcome.padEnd(8)} ${name.padEnd(14)} ${step.seconds.toFixed(1).padStart(6)} s  ${step.reason ?? ""}`);
  }

  #page() {
    const lines = [`# ${this.title}`, "", "| step | outcome | s | what |", "|---|---|---|---|"];
    for (const { name, outcome, seconds, what, reason } of this.#steps)
      lines.push(
        `| ${name} | ${outcome} | ${seconds.toFixed(1)} | ${cell(reason === undefined ? what : `${what}: ${reason}`)} |`,
      );
    for (const { name, what, figures, stderr } of this.#steps) {
      if (figures.length > 0)
        lines.push(
          "",
          `## ${name}: ${what}`,
          "",
          "| figure | value |",
          "|---|---|",
          ...figures.map(
            ({ figure, value, unit }) => `| ${cell(figure)} | ${cell(`${shown(value)} ${unit}`.trim())} |`,
          ),
        );
      if (stderr) lines.push("", `${name} said:`, "", "```", stderr, "```");
    }
    return `${lines.join("\n")}\n`;
  }
}
