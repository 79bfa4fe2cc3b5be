// Measures candidates side by side: they take turns within each round, so that noise of the machine hits all alike, and
// the result is a ratio of medians: times the peer, above 1 is better, whether the figure is a time or a rate. Every
// candidate's output is checked before it is timed.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Whether more of a unit is better: rates are, such as "pages/s"; times and sizes are not. */
export function isRate(unit) {
  return /\/ ?s$|a second$|a minute$/.test(unit);
}

/** How many times the peer ours is: above 1 is better. */
export function timesPeer(ours, peer, unit) {
  return isRate(unit) ? ours / peer : peer / ours;
}

/**
 * @param {object} scenario
 * @param {string} scenario.name
 * @param {string} scenario.unit what one sample's number is, such as "µs a run"
 * @param {Record<string, () => Promise<number>>} scenario.candidates each call gives one sample; the first is ours, the
 * second the peer
 * @param {number} scenario.rounds samples of each candidate
 */
export async function compare({ name, unit, candidates, rounds }) {
  const samples = Object.fromEntries(Object.keys(candidates).map((candidate) => [candidate, []]));
  for (const run of Object.values(candidates)) await run(); // warm-up
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one, every second goes backwards, so that none always comes after the same.
    const turns = Object.entries(candidates);
    const order = [...turns.slice(round % turns.length), ...turns.slice(0, round % turns.length)];
    for (const [candidate, run] of round % 2 === 0 ? order : order.reverse()) samples[candidate].push(await run());
  }
  const rows = Object.entries(samples).map(([candidate, values]) => ({
    candidate,
    median: median(values),
    p10: quantile(values, 0.1),
    p90: quantile(values, 0.9),
  }));
  return { name, unit, rounds, rows, ratio: rows.length > 1 ? timesPeer(rows[0].median, rows[1].median, unit) : null };
}

const number = (value) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3));

/** Prints results as a table and writes them as JSON beside it. */
export function report(title, results, folder) {
  const lines = [`${title} (${availableParallelism()} cores, Node ${process.versions.node})`, ""];
  const table = results.flatMap((result) =>
    result.rows.map((row, index) => [
      index === 0 ? result.name : "",
      row.candidate,
      number(row.median),
      `${number(row.p10)}-${number(row.p90)}`,
      result.unit,
      index === 0 && result.ratio ? `${result.ratio.toFixed(2)}x` : "",
    ]),
  );
  const head = ["scenario", "candidate", "median", "p10-p90", "unit", "times the peer"];
  const widths = head.map((cell, column) => Math.max(cell.length, ...table.map((row) => row[column].length)));
  for (const row of [head, widths.map((width) => "-".repeat(width)), ...table])
    lines.push(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    );
  process.stdout.write(`${lines.join("\n")}\n\n`);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${title.replace(/\W+/g, "-").toLowerCase()}.json`);
  writeFileSync(
    path,
    `${JSON.stringify({ title, node: process.versions.node, cores: availableParallelism(), results }, null, 2)}\n`,
  );
  process.stdout.write(`figures: ${path}\n\n`);
}
