// Holds the floors of docs/architecture.md: a file of src/ imports only from its own floor or a lower one, and files
// form no circle, type-only imports included.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { listFiles, ROOT } from "./steps.mjs";

// From the ground up. `index` is the public API: it may import everything, nothing may import it. `convert` lies above
// all that colours a page, so that no page loads it.
const FLOORS = [
  ["errors", "logging", "observe", "platform", "text"],
  ["binding", "config", "onnx"],
  ["model", "memory", "classification", "io", "workers"],
  ["colorization"],
  ["core"],
  ["convert", "farm", "tune"],
  ["install"],
  ["ui"],
  ["index"],
];

const LEVEL = new Map(FLOORS.flatMap((rooms, level) => rooms.map((room) => [room, level])));

function roomOf(file) {
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
export function checkFloors() {
  const faults = [];
  const graph = new Map();
  for (const file of listFiles(["src"]).filter((path) => /\.tsx?$/.test(path))) {
    const room = roomOf(file);
    const level = LEVEL.get(room);
    if (level === undefined)
      faults.push(
        `${relative(ROOT, file)}: "${room}" has no floor; name it in scripts/lib/floors.mjs and docs/architecture.md`,
      );
    const imports = importsOf(file);
    graph.set(
      file,
      imports.map((one) => one.target),
    );
    for (const { target } of imports) {
      const targetLevel = LEVEL.get(roomOf(target));
      if (targetLevel > level)
        faults.push(
          `${relative(ROOT, file)} (floor ${level}) imports ${relative(ROOT, target)} (floor ${targetLevel}); imports go downwards only`,
        );
    }
  }
  return [...faults, ...findCircles(graph)];
}

function findCircles(graph) {
  const state = new Map();
  const circles = [];
  const visit = (file, trail) => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      const names = [...trail.slice(trail.indexOf(file)), file].map((path) => relative(ROOT, path));
      circles.push(`circle: ${names.join(" -> ")}`);
      return;
    }
    state.set(file, "open");
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file, []);
  return circles;
}
