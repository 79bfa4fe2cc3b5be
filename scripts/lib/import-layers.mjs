// Holds the layers of docs/architecture.md: a file of src/ imports only from its own layer or a lower one, and there
// are no circular imports, type-only imports included.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { listFiles, ROOT } from "./steps.mjs";

// From the lowest up. `index` is the public API: it may import everything, nothing may import it. `convert` lies above
// all that colours a page, so that no page loads it.
const LAYERS = [
  ["errors", "concurrency", "logging", "observe", "platform", "text"],
  ["binding", "config", "onnx"],
  ["model", "memory", "classification", "io", "workers"],
  ["colorization"],
  ["core"],
  ["convert", "farm", "tune"],
  ["install"],
  ["ui"],
  ["index"],
];

const LEVEL = new Map(LAYERS.flatMap((modules, level) => modules.map((module) => [module, level])));

function moduleOf(file) {
  return relative(join(ROOT, "src"), file).split("/")[0].replace(/\.ts$/, "");
}

function importsOf(file) {
  const text = readFileSync(file, "utf8");
  const found = [...text.matchAll(/^\s*(import|export)\s+(type\s+)?[^;]*?from\s+"(\.[^"]+)"/gm)];
  return found.map(([, , type, path]) => ({
    typeOnly: Boolean(type),
    target: sourceOf(join(dirname(file), path)),
  }));
}

function sourceOf(path) {
  const [ts, tsx] = [".ts", ".tsx"].map((extension) => path.replace(/\.js$/, extension));
  return existsSync(tsx) ? tsx : ts;
}

/** @returns {string[]} one line for each fault */
export function checkImportLayers() {
  const faults = [];
  const graph = new Map();
  for (const file of listFiles(["src"]).filter((path) => /\.tsx?$/.test(path))) {
    const module = moduleOf(file);
    const level = LEVEL.get(module);
    if (level === undefined)
      faults.push(
        `${relative(ROOT, file)}: "${module}" has no layer; add it to scripts/lib/import-layers.mjs and docs/architecture.md`,
      );
    const imports = importsOf(file);
    graph.set(
      file,
      imports.map((one) => one.target),
    );
    for (const { target } of imports) {
      const targetLevel = LEVEL.get(moduleOf(target));
      if (targetLevel > level)
        faults.push(
          `${relative(ROOT, file)} (layer ${level}) imports ${relative(ROOT, target)} (layer ${targetLevel}); import from the same layer or a lower one`,
        );
    }
  }
  return [...faults, ...findCycles(graph)];
}

function findCycles(graph) {
  const state = new Map();
  const cycles = [];
  const visit = (file, trail) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      const names = [...trail.slice(trail.indexOf(file)), file].map((path) => relative(ROOT, path));
      cycles.push(`circular import: ${names.join(" -> ")}`);
      return;
    }
    state.set(file, "open");
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}
