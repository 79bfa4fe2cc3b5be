// Gathers the contents of a bundle into one folder: Node, the package as it is published, its production packages, and
// with `gpu` ONNX Runtime's GPU providers and what checks a GPU.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { namesInElf } from "../lib/elf.mjs";
import { keepChip } from "../lib/fatbin.mjs";
import { ensureModules } from "../lib/modules.mjs";
import { ORT_VERSION, stageGpuProviders } from "../lib/onnxruntime.mjs";
import { ROOT, run, say, SetupError } from "../lib/steps.mjs";

/** Where the addon lies in a bundle. */
export const ADDON_FOLDER = "app/prebuilds/linux-x64";
const CORE = "libonnxruntime.so.1";
const PROVIDERS = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
/** Of the C++ runtime; carried for systems whose own are missing or older. */
const CARRIED = ["libstdc++.so.6", "libgcc_s.so.1"];
/** What every system with glibc has. */
const SYSTEM = /^(?:libc|libm|libdl|librt|libpthread|libatomic|ld-linux-x86-64)\.so\.\d+$/;
/** What `gpu-check` needs besides the package. */
const CHECKS = [
  "scripts/gpu-check.mjs",
  "scripts/gpu-check",
  "scripts/lib/modules.mjs",
  "scripts/lib/steps.mjs",
  "scripts/sample/chapter.cbz",
  "bench/peers",
  "test/golden/data/networks",
];

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true, filter: (path) => !/__pycache__/.test(path) });
}

/** Node's binary and the C++ runtime that it was seen to work with. */
function addNode(folder) {
  const node = realpathSync(process.execPath);
  const foreign = namesInElf(readFileSync(node)).needed.filter((name) => !SYSTEM.test(name) && !CARRIED.includes(name));
  if (foreign.length > 0)
    throw new SetupError(
      `${node} needs ${foreign.join(", ")}, which other machines may lack; make the bundle with the Node of nodejs.org`,
    );
  copy(node, join(folder, "bin/node"));
  chmodSync(join(folder, "bin/node"), 0o755);
  const licence = ["../LICENSE", "../share/doc/nodejs/LICENSE", "../share/doc/node/LICENSE"]
    .map((path) => resolve(dirname(node), path))
    .find((path) => existsSync(path));
  if (licence) copy(licence, join(folder, "bin/LICENSE.node"));
  // The dynamic linker says which files this process has.
  const maps = readFileSync("/proc/self/maps", "utf8");
  for (const name of CARRIED) {
    const path = maps
      .split("\n")
      .map((line) => line.split(/\s+/)[5])
      .find((file) => file?.includes(`/${name.replace(/\.\d+$/, "")}`));
    if (path === undefined)
      throw new SetupError(`this Node runs without ${name}; make the bundle with the Node of nodejs.org`);
    copy(realpathSync(path), join(folder, "lib", name));
  }
}

/** The files that are published, by npm's own list. */
function addPackage(folder) {
  run(process.execPath, [join(ROOT, "scripts/prepack.mjs")], { show: true, what: "building the package" });
  const listed = JSON.parse(run("npm", ["pack", "--ignore-scripts", "--dry-run", "--json"], { what: "npm pack" }));
  for (const { path } of listed[0].files) copy(join(ROOT, path), join(folder, "app", path));
}

/** The packages that the product uses at run time, those of this system alone, in the versions of the lockfile. */
function addDependencies(folder) {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  for (const [path, { dev, optional }] of Object.entries(packages)) {
    if (path === "" || dev) continue;
    const from = join(ROOT, path);
    if (existsSync(from)) copy(from, join(folder, "app", path));
    else if (!optional) throw new SetupError(`${path} is not installed; run: npm run build`);
  }
}

/** ONNX Runtime with its GPU providers, from npm or from a folder. */
async function addProviders(folder, { onnxruntime, chip }) {
  const target = join(folder, ADDON_FOLDER);
  if (onnxruntime === undefined) await stageGpuProviders(target);
  else copyProviders(onnxruntime, target);
  if (chip === undefined) return;
  const path = join(target, PROVIDERS[1]);
  const elf = readFileSync(path);
  try {
    const bytes = keepChip(elf, chip);
    say(`  ${Math.round(bytes / 1e6)} MB of code for compute capability ${chip} kept`);
  } catch (error) {
    throw new SetupError(`--chip ${chip}: ${error.message}`);
  }
  writeFileSync(path, elf);
}

/** The names of the files in a folder that has ONNX Runtime with its providers. Throws SetupError for another one. */
export function checkProviders(onnxruntime) {
  const files = existsSync(onnxruntime) && statSync(onnxruntime).isDirectory() ? readdirSync(onnxruntime) : [];
  const missing = [CORE, ...PROVIDERS].filter((file) => !files.includes(file));
  if (missing.length > 0)
    throw new SetupError(
      `--onnxruntime ${onnxruntime} lacks ${missing.join(", ")}; it must be the lib/ folder of ONNX Runtime ${ORT_VERSION} for Linux x64 with GPU support`,
    );
  for (const file of files.filter((name) => name === CORE || /^libonnxruntime_providers_\w+\.so$/.test(name)))
    copy(join(onnxruntime, file), join(target, file));
}

function addChecks(folder) {
  for (const path of CHECKS) copy(join(ROOT, path), join(folder, "app", path));
  cpSync(ensureModules(), join(folder, "app/modules"), {
    recursive: true,
    filter: (path) => statSync(path).isDirectory() || path.endsWith(".js"),
  });
}

function addLauncher(folder, name, what, script) {
  const text = readFileSync(join(ROOT, "scripts/bundle/launcher.sh"), "utf8");
  writeFileSync(join(folder, name), text.replace("@WHAT@", what).replace("@SCRIPT@", script), { mode: 0o755 });
}

/**
 * Fills an empty folder.
 * @param {object} options
 * @param {boolean} options.gpu
 * @param {string} [options.onnxruntime] folder with ONNX Runtime and its GPU providers; default: from npm
 * @param {string} [options.chip] the compute capability to keep GPU code for; default: all
 */
export async function gather(folder, { gpu, ...providers }) {
  addNode(folder);
  addPackage(folder);
  addDependencies(folder);
  const { bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  addLauncher(folder, "cobra-batch", "cobra-batch", `app/${bin["cobra-batch"]}`);
  if (gpu) {
    await addProviders(folder, providers);
    addChecks(folder);
    addLauncher(folder, "gpu-check", "the check of a machine's GPU", "app/scripts/gpu-check.mjs");
  }
  copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "complete"), "");
}
