/**
 * `cobra-batch model info | verify | list`: what packages hold, whether they are intact, whether this machine can run
 * them.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { InferenceSession, runtimeInfo } from "../../../binding/index.js";
import { PROVIDER_NAMES, type Provider } from "../../../binding/runtime/providers.js";
import { PageMemory } from "../../../colorization/page-memory.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, messageOf, remedyFor } from "../../../errors.js";
import { readHostMemory } from "../../../platform/host-memory.js";
import { embeddedModelDirectory, modelDirectory } from "../../../model/default-model.js";
import { installedModels, modelsFolders } from "../../../model/installed-models.js";
import { MANIFEST_FILE } from "../../../model/manifest.js";
import { openModelPackage, type ModelPackage } from "../../../model/package.js";
import { precisionText } from "../../../model/quantizations.js";
import { probeGraph } from "../../../model/probe-graph.js";
import { modelRequirements, packageBytes } from "../../../model/requirements.js";
import { bytesText } from "../../../text/bytes-text.js";
import { asStarted } from "../output/program-name.js";
import { reportErrors } from "../output/report-errors.js";
import { count, printText } from "../output/terminal-text.js";

/** Patches for each quadrant of a page, if nothing else is asked for. */
const DEFAULT_TOP_K = 3;

interface Flags {
  json?: boolean;
}

/** `info`: what a package holds, without hashing it. */
export function modelInfo(model: string | undefined, flags: Flags): Promise<void> {
  return reportErrors(async () => info(modelDirectory(model), flags), Boolean(flags.json));
}

/** `verify`: every file against its hash. */
export function verifyModel(model: string | undefined, { json = false }: Flags): Promise<void> {
  return reportErrors(async () => {
    const { manifest, directory, hash } = await openModelPackage(modelDirectory(model));
    const { name, version } = manifest;
    const files = Object.keys(manifest.files).length;
    printText(
      json
        ? toJsonLine({ type: "model-verified", directory, hash, name, version, files })
        : `${directory}: ${name} ${version}, ${count(files, "file")}, all intact\n`,
    );
  }, json);
}

/** `list`: installed models, and the packages in folders. */
export function listModels(folders: readonly string[], flags: Flags): Promise<void> {
  return reportErrors(() => list(folders, flags), Boolean(flags.json));
}

async function info(directory: string, flags: Flags): Promise<void> {
  const opened = await openModelPackage(directory, { verify: false });
  const { manifest } = opened;
  const providers = await Promise.all(
    PROVIDER_NAMES.map(async (provider) => ({ provider, fault: await startFault(provider) })),
  );
  const { availableBytes } = readHostMemory();
  const { weightBytes, patchBytes } = modelRequirements(opened, "cpu");
  const page = new PageMemory(opened);
  const neededBytes =
    weightBytes + page.sharedBytes("largest", DEFAULT_TOP_K) + page.pageBytes("largest", DEFAULT_TOP_K);
  if (flags.json === true) {
    printText(
      toJsonLine({
        type: "model-info",
        directory: opened.directory,
        hash: opened.hash,
        manifest,
        cpu: { neededBytes, weightBytes, patchBytes, availableBytes },
        providers,
      }),
    );
    return;
  }
  const print = (key: string, value: string): void => printText(`${key.padEnd(10)} ${value}\n`);
  print("name", nameOf(opened));
  print("licence", manifest.licence);
  if (manifest.description !== undefined) print("about", manifest.description);
  print("folder", opened.directory);
  print("hash", opened.hash);
  print("precision", precisionText(manifest));
  print("styles", opened.styles.join(", "));
  print("buckets", manifest.buckets.map(([width, height]) => `${width}x${height}`).join(", "));
  print(
    "size",
    `${bytesText(packageBytes(manifest))} in ${Object.keys(manifest.files).length} files; ${asStarted("`cobra-batch model verify`")} checks their hashes`,
  );
  for (const [name, file] of Object.entries(manifest.files))
    print("", `${file.sha256.slice(0, 16)}… ${bytesText(file.bytes).padStart(10)}  ${name}`);
  print(
    "memory",
    `about ${bytesText(neededBytes)} for one page at a time on the CPU (weights ${bytesText(weightBytes)}, each reference patch ${bytesText(patchBytes)}); ${bytesText(availableBytes)} are free${availableBytes < neededBytes ? ": too little, a run may fail or swap" : ""}`,
  );
  for (const { provider, fault } of providers)
    print("provider", `${provider}: ${fault === undefined ? "starts" : `does not start (${fault})`}`);
}

async function list(folders: readonly string[], flags: Flags): Promise<void> {
  const roots =
    folders.length > 0
      ? folders.map((folder) => resolve(folder))
      : [resolve("models"), dirname(embeddedModelDirectory())];
  const installed = new Map(
    (folders.length > 0 ? [] : modelsFolders()).flatMap((folder) =>
      installedModels(folder).map((one) => [one.directory, `${one.name}@${one.version}`] as const),
    ),
  );
  const standard = defaultDirectory();
  const found = new Set<string>(installed.keys());
  for (const root of roots) {
    const inside = await readdir(root, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
      if (folders.length > 0)
        throw new BatchProcessingError("ERR_MODEL_NOT_FOUND", `${root} cannot be read (${messageOf(cause)})`, {
          cause,
          remedy: "name a folder",
        });
      return [];
    });
    const names = inside.filter((entry) => !entry.name.startsWith(".")).map((entry) => join(root, entry.name));
    for (const path of [root, ...names.sort()]) if (existsSync(join(path, MANIFEST_FILE))) found.add(path);
  }
  for (const path of found) {
    const opened = await openModelPackage(path, { verify: false }).catch((error: unknown) => damageOf(error));
    if (flags.json === true)
      printText(
        toJsonLine(
          "fault" in opened
            ? { type: "model-damaged", directory: path, ...opened, remedy: asStarted(opened.remedy) }
            : {
                type: "model",
                directory: path,
                hash: opened.hash,
                name: opened.manifest.name,
                version: opened.manifest.version,
                precision: opened.manifest.precision,
                ...(opened.manifest.quantization ? { quantization: opened.manifest.quantization.scheme } : {}),
                styles: opened.styles,
                bytes: packageBytes(opened.manifest),
                ...(installed.has(path) ? { installed: installed.get(path) } : {}),
                isDefault: path === standard,
              },
        ),
      );
    else
      printText(
        "fault" in opened
          ? asStarted(`${installed.get(path) ?? basename(path)}  damaged: ${opened.fault}; ${opened.remedy}\n`)
          : `${path === standard ? "* " : ""}${installed.get(path) ?? basename(path)}  ${nameOf(opened)}, ${precisionText(opened.manifest)}, ${opened.styles.join(" and ")}, ${bytesText(packageBytes(opened.manifest))}, ${path}\n`,
      );
  }
  if (found.size === 0) process.stderr.write(`no model package in ${roots.join(" or ")}\n`);
}

/** What is wrong with a package, in one line, and what to do about it. */
function damageOf(error: unknown): { readonly fault: string; readonly remedy: string } {
  const [what = "", first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  const fault = `${what} ${first.trim()}`.trim();
  return { fault, remedy: error instanceof BatchProcessingError ? error.remedy : remedyFor("ERR_INTERNAL") };
}

/** Undefined where the default leads nowhere: then none is marked. */
function defaultDirectory(): string | undefined {
  try {
    return modelDirectory();
  } catch {
    return undefined;
  }
}

function nameOf({ manifest }: ModelPackage): string {
  return `${manifest.name} ${manifest.version}${manifest.trained ? "" : " (untrained: its weights are random, so its colours are meaningless)"}`;
}

/** Why a provider does not start here; undefined when it does. Found by starting it on a graph of one operator. */
async function startFault(provider: Provider): Promise<string | undefined> {
  try {
    runtimeInfo();
    (await InferenceSession.create(probeGraph(), { provider })).dispose();
    return undefined;
  } catch (error) {
    return messageOf(error).split(/\n| \(ONNX Runtime:/u)[0]!;
  }
}
