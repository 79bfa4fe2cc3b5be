// `npm run bundle [-- --gpu] [--split 60M] [--to DIR] …`: one archive with everything that a machine
// without internet needs, and install.sh, which checks and unpacks it. docs/gpu.md says how it is used.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pack, sizeInBytes } from "./bundle/archive.mjs";
import { ADDON_FOLDER, checkProviders, gather } from "./bundle/contents.mjs";
import { main, makeFolderOf, ROOT, say, SetupError } from "./lib/steps.mjs";

const HELP = `npm run bundle -- [options]

Makes an archive for Linux x64 that needs no internet, and install.sh beside it.

  --gpu               with ONNX Runtime's CUDA and TensorRT providers, and gpu-check
  --split SIZE        in parts of at most SIZE, such as 60M
  --to DIR            folder for the archive (default: build/bundle)
  --chip N            GPU code for one compute capability alone, such as 9.0: 110 MB less (with --gpu)
  --onnxruntime DIR   take ONNX Runtime and its providers from DIR, not from npm (with --gpu)
`;

function readOptions() {
  try {
    return parseArgs({
      options: {
        gpu: { type: "boolean", default: false },
        split: { type: "string" },
        to: { type: "string", default: join(ROOT, "build/bundle") },
        chip: { type: "string" },
        onnxruntime: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new SetupError(`${error.message}\n\n${HELP}`);
  }
}

function installScript(fill) {
  const text = readFileSync(join(ROOT, "scripts/bundle/install.sh"), "utf8");
  return Object.entries(fill).reduce((script, [key, value]) => script.replaceAll(`@${key}@`, String(value)), text);
}

await main(async () => {
  const options = readOptions();
  if (options.help) return void process.stdout.write(HELP);
  for (const name of ["onnxruntime", "chip"])
    if (options[name] !== undefined && !options.gpu) throw new SetupError(`--${name} needs --gpu`);
  if (options.chip !== undefined && !/^\d+\.\d$/.test(options.chip))
    throw new SetupError(`--chip ${options.chip}: must be a compute capability such as 9.0`);
  const limit = options.split === undefined ? Infinity : sizeInBytes(options.split);
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const name = `cobra-batch-${version}-linux-x64${options.gpu ? "-gpu" : ""}${options.chip === undefined ? "" : `-${options.chip}`}`;
  const archive = `${name}.tar.gz`;
  const into = resolve(options.to);
  if (options.onnxruntime !== undefined) checkProviders(resolve(options.onnxruntime));
  makeFolderOf("to", into);
  const work = mkdtempSync(join(into, ".gathering-"));
  try {
    say(`gathering ${name}`);
    mkdirSync(join(work, name));
    await gather(join(work, name), {
      gpu: options.gpu,
      chip: options.chip,
      onnxruntime: options.onnxruntime === undefined ? undefined : resolve(options.onnxruntime),
    });
    const bytes = sizeOf(join(work, name));
    say(`packing ${Math.round(bytes / 1e6)} MB`);
    const parts = await pack(work, name, into, { archive, limit });
    const list = parts.map(({ sha256, name: file }) => `${sha256} ${file}`).join("\n");
    const script = installScript({
      ARCHIVE: archive,
      NAME: name,
      KILOBYTES: Math.ceil(bytes / 1024),
      PARTS: list,
      ADDON: `${ADDON_FOLDER}/cobra_batch.node`,
    });
    writeFileSync(join(into, "install.sh"), script, { mode: 0o755 });
    for (const { name: file, bytes: size } of parts) say(`  ${file}  ${(size / 1e6).toFixed(1)} MB`);
    say(`copy these and install.sh to the machine, then run there: sh install.sh`);
    process.stdout.write(`${into}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

function sizeOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
