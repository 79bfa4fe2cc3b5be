// Makes the working copy ready: packages, ONNX Runtime, addon, compiled TypeScript. Each step looks first whether its
// inputs have changed, so a second call costs a few hundred milliseconds.
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { writeHelpTexts } from "./help-texts.mjs";
import { ensureOnnxRuntime, ORT_VERSION, OWN_SONAME } from "./onnxruntime.mjs";
import { has, hashInputs, isFresh, listFiles, ROOT, run, say, SetupError, writeStamp } from "./steps.mjs";

const NODE_FLOOR = [20, 19];

/** Folder of the built addon and of the library it loads. */
export const ADDON_DIR = join(ROOT, "build/Release");

function ensureNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor < NODE_FLOOR[1])) {
    throw new SetupError(`Node ${process.versions.node} is too old; install Node ${NODE_FLOOR.join(".")} or newer`);
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new SetupError(`this is ${process.platform}-${process.arch}; only linux-x64 is supported so far`);
  }
}

function ensureToolchain() {
  const missing = [];
  if (!has("cmake")) missing.push("cmake");
  if (!has(process.env["CXX"] || "c++")) missing.push("g++");
  if (!has("make") && !has("ninja")) missing.push("make");
  if (missing.length > 0) {
    throw new SetupError(
      `building the addon needs ${missing.join(", ")}; install with: sudo apt-get install -y ${missing.join(" ")}`,
    );
  }
}

/** Installs the npm packages of the lockfile where node_modules is missing or older than the lockfile. */
export function ensurePackages() {
  const stamp = join(ROOT, "node_modules/.cobra-stamp");
  const value = hashInputs(["package-lock.json"], [process.version]);
  if (isFresh(stamp, value)) return;
  say("installing npm packages");
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { what: "installing npm packages" });
  writeStamp(stamp, value);
}

function place(from, to) {
  rmSync(to, { force: true });
  try {
    linkSync(from, to); // same disk: no second copy of 45 MB
  } catch {
    copyFileSync(from, to);
  }
}

/** Builds the addon where its sources have changed. `flavour` "asan" builds into build-asan/. */
export async function ensureAddon({ flavour = "release" } = {}) {
  const asan = flavour === "asan";
  const out = asan ? "build-asan" : "build";
  const folder = join(ROOT, out, "Release");
  const addon = join(folder, "cobra_batch.node");
  const stamp = join(ROOT, out, ".cobra-stamp");
  const value = hashInputs(
    ["native", "CMakeLists.txt"],
    [ORT_VERSION, OWN_SONAME, flavour, process.env["COBRA_ORT_SDK"] ?? ""],
  );
  if (isFresh(stamp, value, [addon, join(folder, "libonnxruntime.so.1")])) return { addon, built: false };
  ensureToolchain();
  const runtime = await ensureOnnxRuntime();
  say(`building the addon${asan ? " with AddressSanitizer" : ""}`);
  mkdirSync(folder, { recursive: true });
  const options = [`--CDORT_INCLUDE_DIR=${runtime.include}`, ...(asan ? ["--CDCOBRA_ASAN=ON"] : [])];
  run(
    process.execPath,
    [join(ROOT, "node_modules/cmake-js/bin/cmake-js"), "compile", "--out", out, "--parallel", "2", ...options],
    { what: "building the addon" },
  );
  if (!existsSync(addon)) throw new SetupError(`the build left no ${addon}`);
  place(runtime.library, join(folder, "libonnxruntime.so.1"));
  writeStamp(stamp, value);
  return { addon, built: true };
}

const PAGE_SOURCE = "src/ui/web/page";
/** Most bytes of script that a browser loads for the page, compressed. */
const PAGE_SCRIPT_BYTES = 150_000;

/** Compiles src/ to dist/ where it has changed; the web page apart. */
export async function ensureDist() {
  const stamp = join(ROOT, "dist/.cobra-stamp");
  const value = hashInputs(
    ["src", "tsconfig.json", "tsconfig.build.json", "scripts/lib/help-texts.mjs", "scripts/lib/chunks.mjs"],
    [readFileSync(join(ROOT, "package-lock.json"), "utf8").length.toString()],
    [PAGE_SOURCE, REPORT_SOURCE],
  );
  if (isFresh(stamp, value)) return;
  say("compiling TypeScript");
  const modules = join(ROOT, "build/modules");
  const fresh = join(ROOT, "build/dist"); // beside the old one until it is whole, so that what runs from dist/ is not cut off
  for (const folder of [modules, fresh]) rmSync(folder, { recursive: true, force: true });
  run(
    process.execPath,
    [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json", "--outDir", modules],
    { what: "compiling TypeScript" },
  );
  const { writeChunks } = await import("./chunks.mjs"); // needs the packages
  await writeChunks(modules, fresh);
  const alsoShipped = (path) => statSync(path).isDirectory() || /\.(?:d\.c?ts|cjs)$/.test(path);
  cpSync(modules, fresh, { recursive: true, filter: alsoShipped });
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  renameSync(fresh, join(ROOT, "dist"));
  await writeHelpTexts(pathToFileURL(join(ROOT, "dist/")));
  writeStamp(stamp, value);
}

/** Packages whose code is in the page's script. */
const PAGE_PACKAGES = [
  "preact",
  "@preact/signals",
  "@preact/signals-core",
  "tus-js-client",
  "js-base64",
  "url-parse",
  "querystringify",
  "requires-port",
];

function licenceOf(name) {
  const file = ["LICENSE", "LICENSE.md"].map((one) => join(ROOT, "node_modules", name, one)).find(existsSync);
  if (!file) throw new SetupError(`${name} has no licence file`);
  return readFileSync(file, "utf8").trim();
}

/** Builds the web page where it has changed, and puts it into dist/. */
export function ensurePage() {
  const built = join(ROOT, "build/page");
  const target = join(ROOT, "dist/ui/web/page");
  const value = hashInputs([PAGE_SOURCE, "src/config/settings.ts", "package-lock.json"]);
  if (isFresh(join(target, ".cobra-stamp"), value)) return;
  if (!isFresh(join(built, ".cobra-stamp"), value)) {
    say("building the web page");
    const config = join(ROOT, PAGE_SOURCE, "vite.config.ts");
    run(process.execPath, [join(ROOT, "node_modules/vite/bin/vite.js"), "build", "--config", config], {
      what: "building the web page",
    });
    const scripts = listFiles(["build/page"]).filter((path) => path.endsWith(".js"));
    const bytes = scripts.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
    if (bytes > PAGE_SCRIPT_BYTES) {
      throw new SetupError(`the page's scripts have ${bytes} bytes compressed; ${PAGE_SCRIPT_BYTES} is the limit`);
    }
    const licences = PAGE_PACKAGES.map((name) => `${name}\n\n${licenceOf(name)}`);
    writeFileSync(join(built, "licenses.txt"), licences.join("\n----------\n\n"));
    writeStamp(join(built, ".cobra-stamp"), value);
  }
  rmSync(target, { recursive: true, force: true });
  cpSync(built, target, { recursive: true });
}

const REPORT_SOURCE = "src/tune/page";
/** Packages whose code is in the page of a tuning's report. */
const REPORT_PACKAGES = ["@observablehq/plot", "d3", "interval-tree-1d", "isoformat", "internmap"];

/** Builds the page of a tuning's report, one file with its script and style in it, and puts it into dist/. */
export async function ensureReportPage() {
  const target = join(ROOT, "dist/tune/report-page.html");
  const stamp = join(ROOT, "dist/tune/.cobra-stamp");
  const value = hashInputs(["src/tune", "package-lock.json"]);
  if (isFresh(stamp, value, [target])) return;
  say("building the page of reports");
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown({ input: join(ROOT, REPORT_SOURCE, "main.ts"), platform: "browser", logLevel: "warn" });
  const { output } = await bundle.generate({ format: "iife", minify: true });
  await bundle.close();
  const source = (name) => readFileSync(join(ROOT, REPORT_SOURCE, name), "utf8");
  const licences = REPORT_PACKAGES.map((name) => `${name}\n\n${licenceOf(name)}`).join("\n----------\n\n");
  const script = output[0].code.replaceAll("</script", String.raw`<\/script`);
  const page = source("index.html")
    .replace("/*STYLE*/", () => source("style.css").trim())
    .replace("/*SCRIPT*/", () => `/*!\n${licences.replaceAll("*/", "* /")}\n*/\n${script}`);
  mkdirSync(join(ROOT, "dist/tune"), { recursive: true });
  writeFileSync(target, page);
  writeStamp(stamp, value);
}

/** Everything that the demo, the tests and the command need. */
export async function ensureReady() {
  ensureNode();
  ensurePackages();
  await ensureAddon();
  await ensureDist();
  ensurePage();
  await ensureReportPage();
}
