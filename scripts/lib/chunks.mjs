// Joins the compiled modules into few files, since loading a file costs more than most modules do: a command loads 14
// instead of 250. Each module still has a file of its own name in dist/ that leads to its code, for tests and
// benchmarks; those that nothing shipped leads to are not packed.
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { rolldown } from "rolldown";
import { listFiles, ROOT } from "./steps.mjs";

/** What the package starts or imports by name; all else is reached from here. */
const SHIPPED = [
  "index",
  "ui/cli/main",
  "ui/cli/doctor/probe-provider",
  "colorization/tasks/worker",
  "tune/measure/child",
];

/** In a file of their own name: what is started, what all commands and help need, and the help, rendered later. */
const APART = [...SHIPPED, "ui/cli/output/lost-output", "ui/cli/ready-text", "ui/cli/help-texts"];

/** Modules of the farm's queue, whose packages no other command needs. */
const isFarm = (name) =>
  /^(?:farm\/queue|ui\/web\/farm)\/|^ui\/cli\/actions\/(?:worker|submit|queue|open-farm|store-model)$/.test(name);
/** Loaded only where somebody scrapes. */
const isMetrics = (name) => name.startsWith("observe/metrics/");

/**
 * Who needs a module when it is loaded: the command before it knows what to do, a worker thread, all but the web server
 * and the farm's queue.
 */
const USERS = {
  command: (name) => name === "ui/cli/program" || name.startsWith("ui/cli/completion/"),
  worker: (name) => name === "colorization/tasks/worker",
  others: (name) => !name.startsWith("ui/web/") && name !== "ui/cli/actions/serve" && !isFarm(name) && !isMetrics(name),
  farm: isFarm,
  metrics: isMetrics,
};

/** How much a module loads: no package, those of commands and schemas, sharp, or any. */
const LEVELS = ["", "-schemas", "-pictures", "-packages"];
const LEVEL_OF = new Map([
  ["commander", 1],
  ["zod", 1],
  ["sharp", 2],
]);

const isPackage = (id) => !/^(?:[./]|node:)/.test(id);
/** The module that loads sharp does so without an import. */
const packageOf = (id) => (id.endsWith("/io/image/sharp.js") ? "sharp" : id);

/** All modules that these load when they are loaded, themselves included. */
function closure(ids, getModuleInfo) {
  const seen = new Set();
  const waiting = [...ids];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    waiting.push(...(getModuleInfo(id)?.importedIds ?? []));
  }
  return seen;
}

/**
 * Names the file that a module goes to: one for those that have the same users and load packages of the same level. So
 * a light command loads no heavy package, a worker no code of commands, and files never import each other in a circle.
 */
function groupBy(names, fileOf) {
  let users;
  const groups = new Map(APART.map((name) => [fileOf(name), null]));
  const groupOf = (id, getModuleInfo) => {
    users ??= Object.entries(USERS).map(([user, isUser]) => [
      user,
      closure(names.filter(isUser).map(fileOf), getModuleInfo),
    ]);
    const by = users.flatMap(([user, modules]) => (modules.has(id) ? [user] : []));
    if (by.length === 0) return "server";
    const packages = [...closure([id], getModuleInfo)].map(packageOf).filter(isPackage);
    const level = Math.max(0, ...packages.map((name) => LEVEL_OF.get(name) ?? 3));
    const user = by.includes("command") && by.includes("worker") ? "all" : by[0] === "others" ? "engine" : by[0];
    return user + LEVELS[level];
  };
  return (id, context) => {
    if (isPackage(id)) return null;
    if (!groups.has(id))
      groups.set(
        id,
        groupOf(id, (module) => context.getModuleInfo(module)),
      );
    return groups.get(id);
  };
}

/** Files of the output that the shipped entries lead to, the shipped ones included. */
function reachable(chunks) {
  const files = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const seen = new Set();
  const waiting = SHIPPED.map((name) => `${name}.js`);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const chunk = files.get(name);
    if (chunk === undefined || seen.has(name)) continue;
    seen.add(name);
    waiting.push(...chunk.imports, ...chunk.dynamicImports);
  }
  return seen;
}

/**
 * Joins the compiled modules below `modules` into files below `folder`, and writes there a list of those that `npm
 * pack` leaves out.
 */
export async function writeChunks(modules, folder) {
  const names = listFiles([relative(ROOT, modules)])
    .map((path) => relative(modules, path))
    .filter((path) => path.endsWith(".js"))
    .map((path) => path.slice(0, -".js".length));
  const fileOf = (name) => join(modules, `${name}.js`);
  const bundle = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, fileOf(name)])),
    platform: "node",
    external: (id) => !/^[./]/.test(id),
    preserveEntrySignatures: "allow-extension",
    plugins: [
      {
        name: "source-maps",
        load: (id) => ({ code: readFileSync(id, "utf8"), map: JSON.parse(readFileSync(`${id}.map`, "utf8")) }),
      },
    ],
    logLevel: "warn",
  });
  const { output } = await bundle.write({
    dir: folder,
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: groupBy(names, fileOf), debugName: "by users" }],
    },
  });
  await bundle.close();
  const chunks = output.filter(({ type }) => type === "chunk");
  const shipped = reachable(chunks);
  const left = chunks.map(({ fileName }) => `/${fileName}`).filter((name) => !shipped.has(name.slice(1)));
  writeFileSync(join(folder, ".npmignore"), ["*.map", ".cobra-stamp", ...left.sort(), ""].join("\n"));
  return chunks;
}
