/**
 * Opens a model package: a flat folder with `manifest.json` and the files it lists. Opening checks the manifest, that
 * the folder holds exactly those files, their lengths and, unless `verify` is false, their SHA-256. Nothing is loaded.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { messageOf, ModelError, systemCode } from "../errors.js";
import { isError } from "../errors/facts.js";
import { checkFlag, checkObject, checkText } from "../errors/arguments.js";
import type { Style } from "../config/batch-config.js";
import { openFile } from "../io/files/read-file.js";
import type { GraphName, StyleGraph, WeightSet } from "./graph-names.js";
import { MANIFEST_FILE, parseManifest, type FileRecord, type ModelManifest } from "./manifest.js";

/** An opened package. Holds no resource. */
export interface ModelPackage {
  /** Absolute path of the folder. */
  readonly directory: string;
  readonly manifest: ModelManifest;
  /** SHA-256 of the manifest's bytes (hex): it covers every file through the hashes inside, so it names the model. */
  readonly hash: string;
  /** Styles the package has, in the order of `STYLES`. */
  readonly styles: readonly Style[];
  /**
   * Absolute path of a graph's file. `style` is needed for `reference_encoder`, `denoiser` and `guided_upsampler` and
   * is ignored for the others. Throws ERR_MODEL_NOT_FOUND when the package lacks the style or the graph.
   */
  graphPath(graph: GraphName, style?: Style): string;
  /**
   * Absolute path of the graph that gives a set of weights (`style` is ignored for "vae"); undefined where they lie in
   * the graphs that need them.
   */
  weightsPath(set: WeightSet, style: Style): string | undefined;
}

/** How to open a package. */
export interface OpenModelPackageOptions {
  /** Hash every file (default true). False checks names and lengths only, for a package verified before. */
  verify?: boolean;
}

/** Published manifests have a few kilobytes. */
const MAX_MANIFEST_BYTES = 2 ** 24;
/** Files a package may hold without listing them: texts for people, and hidden files. */
export const TEXT_FILES = /^(?:\..*|(?:LICEN[CS]E|NOTICE|README)[A-Za-z0-9._-]*|[^/]+\.(?:md|txt))$/u;

/**
 * Opens the package in `directory`.
 * Throws ModelError: ERR_MODEL_NOT_FOUND (no folder or no manifest), ERR_MODEL_MANIFEST (lists every fault),
 * ERR_MODEL_FILE (lists every missing, damaged or foreign file with what was expected and found).
 */
export async function openModelPackage(
  directory: string,
  options: OpenModelPackageOptions = {},
): Promise<ModelPackage> {
  checkText("the folder of the model package", directory);
  checkObject("the options", options);
  checkFlag("verify", options.verify);
  const root = resolve(directory);
  const manifestPath = join(root, MANIFEST_FILE);
  const bytes = await readManifest(root, manifestPath);
  const manifest = parseManifest(bytes.toString("utf8"), manifestPath);
  const faults = [
    ...(await foreignFiles(root, manifest)),
    ...(await faultyFiles(root, manifest.files, options.verify ?? true)),
  ];
  if (faults.length > 0) {
    throw new ModelError(
      "ERR_MODEL_FILE",
      `the model package ${root} is not intact:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
      { remedy: "get it again or build it again (an installed one: `cobra-batch model install NAME --overwrite`)" },
    );
  }
  return new OpenedPackage(root, manifest, createHash("sha256").update(bytes).digest("hex"));
}

/** Styles that a package has, in the order of `STYLES`. */
export function stylesOf({ graphs }: ModelManifest): Style[] {
  return (["line", "line + shadow"] as const).filter((style) => graphs.styles[style] !== undefined);
}

class OpenedPackage implements ModelPackage {
  readonly styles: readonly Style[];
  constructor(
    readonly directory: string,
    readonly manifest: ModelManifest,
    readonly hash: string,
  ) {
    this.styles = stylesOf(manifest);
  }

  graphPath(graph: GraphName, style?: Style): string {
    const { shared, styles } = this.manifest.graphs;
    if (Object.hasOwn(shared, graph)) return join(this.directory, shared[graph as keyof typeof shared]);
    if (style === undefined || styles[style] === undefined) {
      throw new ModelError(
        "ERR_MODEL_NOT_FOUND",
        `the graph ${graph} of style ${style === undefined ? "(none given)" : JSON.stringify(style)} is not in the package ${this.manifest.name}; it has the styles ${this.styles.map((name) => JSON.stringify(name)).join(", ")}`,
      );
    }
    const file = styles[style][graph as StyleGraph];
    if (file === undefined)
      throw new ModelError("ERR_MODEL_NOT_FOUND", `the package ${this.manifest.name} has no ${graph}`, {
        remedy: "turn that stage off or use another package",
      });
    return join(this.directory, file);
  }

  weightsPath(set: WeightSet, style: Style): string | undefined {
    const { weights } = this.manifest.graphs;
    const file = set === "vae" ? weights?.shared.vae : weights?.styles[style]?.[set];
    return file === undefined ? undefined : join(this.directory, file);
  }
}

/**
 * Whether a folder holds a manifest that parses and nothing that the manifest does not list; its files may be damaged.
 */
export async function isModelPackage(directory: string): Promise<boolean> {
  const root = resolve(directory);
  try {
    const manifest = parseManifest((await readManifest(root, join(root, MANIFEST_FILE))).toString("utf8"), root);
    return (await foreignFiles(root, manifest)).length === 0;
  } catch (error) {
    if (error instanceof ModelError) return false;
    throw error;
  }
}

async function readManifest(root: string, path: string): Promise<Buffer> {
  try {
    await using file = await openFile(path); // no pipe, which would be waited for
    const { size } = await file.stat();
    if (size > MAX_MANIFEST_BYTES) throw new RangeError(`it has ${size} bytes, more than ${MAX_MANIFEST_BYTES}`);
    return await file.readFile();
  } catch (cause) {
    const fault =
      systemCode(cause) === "ENOENT"
        ? `there is no ${MANIFEST_FILE} in it`
        : `its ${MANIFEST_FILE} cannot be read (${messageOf(cause)})`;
    throw new ModelError("ERR_MODEL_NOT_FOUND", `${root} is not a model package: ${fault}`, {
      cause,
      remedy: `name the folder that holds the package's ${MANIFEST_FILE}`,
    });
  }
}

/** What lies in the folder, is not listed and is not a text. */
async function foreignFiles(root: string, manifest: ModelManifest): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  return entries
    .filter(
      (entry) =>
        entry.name !== MANIFEST_FILE &&
        !Object.hasOwn(manifest.files, entry.name) &&
        !(entry.isFile() && TEXT_FILES.test(entry.name)),
    )
    .map((entry) => `${entry.name}: foreign, the manifest does not list it`)
    .sort();
}

async function faultyFiles(
  root: string,
  files: Readonly<Record<string, FileRecord>>,
  verify: boolean,
): Promise<string[]> {
  const faults: string[] = [];
  for (const [name, expected] of Object.entries(files)) {
    const fault = await fileFault(join(root, name), expected, verify);
    if (fault !== undefined) faults.push(`${name}: ${fault}`);
  }
  return faults;
}

async function fileFault(path: string, expected: FileRecord, verify: boolean): Promise<string | undefined> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => error);
  if (isError(found))
    return found.code === "ENOENT" ? `missing, expected ${expected.bytes} bytes` : `cannot be read (${found.message})`;
  if (!found.isFile())
    return `foreign, expected a plain file and found a ${found.isSymbolicLink() ? "symbolic link" : found.isDirectory() ? "folder" : "special file"}`;
  if (found.size !== expected.bytes) return `damaged, expected ${expected.bytes} bytes and found ${found.size}`;
  if (!verify) return undefined;
  try {
    const { sha256 } = await hashFile(path);
    return sha256 === expected.sha256 ? undefined : `damaged, expected SHA-256 ${expected.sha256} and found ${sha256}`;
  } catch (cause) {
    return `cannot be read (${messageOf(cause)})`;
  }
}

/** Length and SHA-256 of a file, read in pieces. */
export async function hashFile(path: string): Promise<FileRecord> {
  const hash = createHash("sha256");
  let bytes = 0;
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      hash.update(chunk);
    }
  });
  return { bytes, sha256: hash.digest("hex") };
}
