/**
 * `cobra-batch model info | verify | list`: what packages hold, whether they are whole, whether this machine can run
 * them.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { InferenceSession, runtimeInfo, type SessionOptions } from "../../../binding/index.js";
import { PageMemory } from "../../../colorization/page-memory.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, messageOf } from "../../../errors.js";
import { readHostMemory } from "../../../platform/host-memory.js";
import { defaultModelDirectory, embeddedModelDirectory } from "../../../model/default-model.js";
import { MANIFEST_FILE } from "../../../model/manifest.js";
import { openModelPackage, type ModelPackage } from "../../../model/package.js";
import { probeGraph } from "../../../model/probe-graph.js";
import { modelRequirements, packageBytes } from "../../../model/requirements.js";
import { reportErrors } from "../output/report-errors.js";

/** Patches for each quadrant of a page, where nothing else is asked for. */
const DEFAULT_TOP_K = 3;

/** What every command may print. */
interface Flags {
  json?: boolean;
}

/** `info`: contents, without hashing. */
export function infoCommand(): Command {
  return new Command("info")
    .argument("[dir]", "model package (default: COBRA_MODEL, else the embedded model)")
    .summary("say what is in a package and whether this machine can run it")
    .option("--json", "one JSON object instead of text; see docs/cli-json.md")
    .addHelpText("after", "\nExamples:\n  cobra-batch model info\n  cobra-batch model info cobra-fp16 --json")
    .action((directory: string | undefined, flags: Flags) =>
      reportErrors(() => info(directory ?? defaultModelDirectory(), flags)),
    );
}

/** `verify`: every file against its hash. */
export function verifyCommand(): Command {
  return new Command("verify")
    .argument("[dir]", "model package (default: COBRA_MODEL, else the embedded model)")
    .summary("check every file of a package against its SHA-256")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch model verify cobra-fp16\n\nExit codes: 0 all files are whole, 1 they are not.",
    )
    .action((directory: string | undefined) =>
      reportErrors(async () => {
        const { manifest, directory: root } = await openModelPackage(directory ?? defaultModelDirectory());
        process.stdout.write(
          `${root}: ${manifest.name} ${manifest.version}, ${Object.keys(manifest.files).length} files, all whole\n`,
        );
      }),
    );
}

/** `list`: the packages in folders. */
export function listCommand(): Command {
  return new Command("list")
    .argument("[dirs...]", "folders that hold model packages, or are one (default: ./models and the embedded model)")
    .summary("list the model packages in folders")
    .option("--json", "one JSON object a line; see docs/cli-json.md")
    .addHelpText("after", "\nExamples:\n  cobra-batch model list\n  cobra-batch model list /srv/models --json")
    .action((folders: string[], flags: Flags) => reportErrors(() => list(folders, flags)));
}

async function info(directory: string, flags: Flags): Promise<void> {
  const opened = await openModelPackage(directory, { verify: false });
  const { manifest } = opened;
  const providers = await Promise.all(
    (["cpu", "cuda", "tensorrt"] as const).map(async (provider) => ({ provider, fault: await startFault(provider) })),
  );
  const { availableBytes } = readHostMemory();
  const { weightBytes, patchBytes } = modelRequirements(opened, "cpu");
  const page = new PageMemory(opened);
  const neededBytes =
    weightBytes + page.sharedBytes("largest", DEFAULT_TOP_K) + page.pageBytes("largest", DEFAULT_TOP_K);
  if (flags.json === true) {
    process.stdout.write(
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
  const print = (key: string, value: string): void => void process.stdout.write(`${key.padEnd(10)} ${value}\n`);
  print("name", nameOf(opened));
  print("licence", manifest.licence);
  if (manifest.description !== undefined) print("about", manifest.description);
  print("folder", opened.directory);
  print("hash", opened.hash);
  print("precision", manifest.precision);
  print("styles", opened.styles.join(", "));
  print("buckets", manifest.buckets.map(([width, height]) => `${width}x${height}`).join(", "));
  print(
    "size",
    `${megabytes(packageBytes(manifest))} in ${Object.keys(manifest.files).length} files; \`cobra-batch model verify\` checks their hashes`,
  );
  for (const [name, file] of Object.entries(manifest.files))
    print("", `${file.sha256.slice(0, 16)}… ${megabytes(file.bytes).padStart(10)}  ${name}`);
  print(
    "memory",
    `about ${megabytes(neededBytes)} for one page at a time on the CPU (weights ${megabytes(weightBytes)}, each reference patch ${megabytes(patchBytes)}); ${megabytes(availableBytes)} are free${availableBytes < neededBytes ? ": too little, a run may fail or swap" : ""}`,
  );
  for (const { provider, fault } of providers)
    print("provider", `${provider}: ${fault === undefined ? "starts" : `does not start (${fault})`}`);
}

async function list(folders: readonly string[], flags: Flags): Promise<void> {
  const roots =
    folders.length > 0
      ? folders.map((folder) => resolve(folder))
      : [resolve("models"), dirname(embeddedModelDirectory())];
  const found = new Set<string>();
  for (const root of roots) {
    const inside = await readdir(root, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
      if (folders.length > 0)
        throw new BatchProcessingError(
          "ERR_MODEL_NOT_FOUND",
          `${root} cannot be read (${messageOf(cause)}); name a folder`,
          { cause },
        );
      return [];
    });
    const names = inside.filter((entry) => !entry.name.startsWith(".")).map((entry) => join(root, entry.name));
    for (const path of [root, ...names.sort()]) if (existsSync(join(path, MANIFEST_FILE))) found.add(path);
  }
  for (const path of found) {
    const opened = await openModelPackage(path, { verify: false }).catch(
      (error: unknown) => messageOf(error).split("\n")[0]!,
    );
    if (flags.json === true)
      process.stdout.write(
        toJsonLine(
          typeof opened === "string"
            ? { type: "model-damaged", directory: path, fault: opened }
            : {
                type: "model",
                directory: path,
                hash: opened.hash,
                name: opened.manifest.name,
                version: opened.manifest.version,
                precision: opened.manifest.precision,
                styles: opened.styles,
                bytes: packageBytes(opened.manifest),
              },
        ),
      );
    else
      process.stdout.write(
        typeof opened === "string"
          ? `${basename(path)}  damaged: ${opened}\n`
          : `${basename(path)}  ${nameOf(opened)}, ${opened.manifest.precision}, ${opened.styles.join(" and ")}, ${megabytes(packageBytes(opened.manifest))}, ${path}\n`,
      );
  }
  if (found.size === 0) process.stderr.write(`no model package in ${roots.join(" or ")}\n`);
}

function nameOf({ manifest }: ModelPackage): string {
  return `${manifest.name} ${manifest.version}${manifest.trained ? "" : " (untrained: its colours mean nothing)"}`;
}

/** Why a provider does not start here; undefined when it does. Found by starting it on a graph of one operator. */
async function startFault(provider: NonNullable<SessionOptions["provider"]>): Promise<string | undefined> {
  try {
    runtimeInfo();
    (await InferenceSession.create(probeGraph(), { provider })).dispose();
    return undefined;
  } catch (error) {
    return messageOf(error).split(/\n| \(ONNX Runtime:/u)[0]!;
  }
}

function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
