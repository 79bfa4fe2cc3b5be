// Fits the calibrated decision: `node scripts/classifier/fit.mjs [drawn pictures of each kind] [--table]`. Measures
// drawn pictures, reads the evidence of real pages' variants (`real-evidence.ndjson`, made by `variants.mjs` of 45
// pages that are not kept here) and prints the logistic regression's weights for src/classification/calibrated.ts (not
// with --table), then how plain and calibrated, with the weights in the code, decide on pictures that were held out.
import { readFileSync } from "node:fs";
import { calibrate, EVIDENCE_FEATURES, evidenceFeatures } from "../../dist/classification/calibrated.js";
import { decodeForClassification } from "../../dist/classification/decode-for-classification.js";
import { decide } from "../../dist/classification/decision.js";
import { evidenceOf, measure } from "../../dist/classification/metrics.js";
import { labelledPictures } from "./scenes.mjs";

const count = Number.parseInt(process.argv[2] ?? "10", 10);

async function measured(seed) {
  const rows = [];
  for await (const { kind, type, bytes } of labelledPictures(seed, count)) {
    const picture = await decodeForClassification(bytes, kind);
    const evidence = evidenceOf(picture);
    rows.push({
      kind,
      type,
      metrics: measure(picture),
      evidence,
      features: evidenceFeatures(evidence),
      target: Number(type === "colored"),
    });
  }
  return rows;
}

/** Variants of real pages; pages of one artist and story are all in one set. `set`: "fit" or "test". */
function real(set) {
  return readFileSync(new URL("real-evidence.ndjson", import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((row) => row.set === set)
    .map((row) => ({ ...row, features: evidenceFeatures(row.evidence), target: Number(row.type === "colored") }));
}

/** Newton's method for logistic regression with a little ridge. */
function fit(rows, ridge = 0.2) {
  const size = EVIDENCE_FEATURES.length + 1;
  const weights = new Float64Array(size);
  for (let round = 0; round < 40; round++) {
    const gradient = new Float64Array(size);
    const hessian = Array.from({ length: size }, (_, i) =>
      Float64Array.from({ length: size }, (_v, j) => (i === j ? ridge : 0)),
    );
    for (const { features, target } of rows) {
      const x = [1, ...features];
      const p = 1 / (1 + Math.exp(-x.reduce((sum, value, i) => sum + value * weights[i], 0)));
      for (let i = 0; i < size; i++) {
        gradient[i] += (target - p) * x[i];
        for (let j = 0; j < size; j++) hessian[i][j] += p * (1 - p) * x[i] * x[j];
      }
    }
    for (let i = 0; i < size; i++) gradient[i] -= ridge * weights[i];
    const step = solve(hessian, gradient);
    for (let i = 0; i < size; i++) weights[i] += Math.max(-3, Math.min(3, step[i]));
  }
  return weights;
}

function solve(matrix, vector) {
  const rows = matrix.map((row, i) => [...row, vector[i]]);
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows
      .slice(i)
      .reduce((best, row, k) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? i + k : best), i);
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let k = i + 1; k < rows.length; k++) {
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= rows.length; j++) rows[k][j] -= factor * rows[i][j];
    }
  }
  const result = new Float64Array(rows.length);
  for (let i = rows.length - 1; i >= 0; i--)
    result[i] =
      (rows[i].at(-1) - rows[i].slice(i + 1, -1).reduce((sum, value, k) => sum + value * result[i + 1 + k], 0)) /
      rows[i][i];
  return result;
}

if (!process.argv.includes("--table")) {
  const weights = fit([...(await measured(1)), ...real("fit")]);
  console.log(
    "const WEIGHTS =",
    JSON.stringify(
      {
        bias: Number(weights[0].toFixed(3)),
        ...Object.fromEntries(EVIDENCE_FEATURES.map((name, i) => [name, Number(weights[i + 1].toFixed(3))])),
      },
      null,
      2,
    ),
  );
}
const drawn = await measured(2);
const others = [...drawn, ...real("test")];
console.log("| kind | label | plain right | calibrated right | of these ambiguous |\n|---|---|---|---|---|");
for (const kind of new Set(others.map((row) => row.kind))) {
  const rows = others.filter((row) => row.kind === kind);
  const decided = rows.map(({ evidence }) => calibrate(evidence));
  const plain = rows.filter((row) => (row.plain ?? decide(row.metrics).type) === row.type).length;
  const right = decided.filter(({ type }, i) => type === rows[i].type).length;
  console.log(
    `| ${kind} | ${rows[0].type} | ${plain}/${rows.length} | ${right}/${rows.length} | ${decided.filter(({ ambiguous }) => ambiguous).length} |`,
  );
}
