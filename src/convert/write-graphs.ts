/**
 * Writes the graphs of a package and their weight files, one tensor at a time. After each graph it can note what is
 * finished, so that a later process goes on there; the files come out the same, byte for byte.
 */
import { createHash } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Graph } from "../onnx/graph-builder.js";
import { WeightFile, weightBytes, writeModel, type WeightFileState } from "../onnx/model-file.js";
import { WEIGHT_FILE, type PackageFiles } from "./package-graphs.js";
import { PROGRESS_FILE } from "./package-folder.js";

/** How far a package is written. Bytes count a tensor once for each graph that has it. */
export interface BuildProgress {
  /** The graph's file that is being written, "hash" at the end. */
  readonly part: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

interface WriteOptions {
  /** Weights lie in files of their own. */
  readonly external: boolean;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
  /** Note what is finished, and go on with what is noted. */
  readonly resumable: boolean;
}

/** What is finished of a folder. */
interface Noted {
  /** Graphs that are whole, by file, with a digest of each. */
  readonly graphs: Readonly<Record<string, string>>;
  readonly weights: Readonly<Record<string, WeightFileState>>;
}

const NOTHING: Noted = { graphs: {}, weights: {} };

/** Bytes of all graphs' weights, each tensor counted once for each graph that has it. */
export function totalBytes(files: PackageFiles): number {
  return [...files.values()].reduce((sum, { graph }) => sum + weightBytes(graph), 0);
}

/** Writes all files into a folder and returns their names. */
export async function writeGraphs(
  directory: string,
  files: PackageFiles,
  { external, onProgress = () => {}, resumable }: WriteOptions,
): Promise<string[]> {
  const noted = resumable ? await readNoted(directory, files) : NOTHING;
  const stores = external ? await openStores(directory, files, noted) : new Map<string, WeightFile>();
  const total = totalBytes(files);
  const finished: Record<string, string> = {};
  let doneBytes = 0;
  try {
    for (const [part, { graph, weights }] of files) {
      finished[part] = digestOf(graph);
      if (Object.hasOwn(noted.graphs, part)) {
        doneBytes += weightBytes(graph);
        continue;
      }
      onProgress({ part, doneBytes, totalBytes: total });
      if (resumable) await rm(join(directory, part), { force: true });
      await writeModel(graph, join(directory, part), stores.get(weights), (bytes) =>
        onProgress({ part, doneBytes: (doneBytes += bytes), totalBytes: total }),
      );
      if (resumable) await note(directory, finished, stores);
    }
  } finally {
    for (const store of stores.values()) await store.close();
  }
  onProgress({ part: "hash", doneBytes: total, totalBytes: total });
  return [...files.keys(), ...stores.keys()];
}

async function openStores(directory: string, files: PackageFiles, noted: Noted): Promise<Map<string, WeightFile>> {
  const stores = new Map<string, WeightFile>();
  const openStore = async (name: string, shared?: WeightFile): Promise<WeightFile> => {
    const path = join(directory, name);
    const state = noted.weights[name];
    if (state !== undefined) return WeightFile.reopen(path, state, shared);
    await rm(path, { force: true });
    return WeightFile.create(path, shared);
  };
  const shared = await openStore(WEIGHT_FILE);
  stores.set(WEIGHT_FILE, shared);
  for (const { weights } of files.values())
    if (!stores.has(weights)) stores.set(weights, await openStore(weights, shared));
  return stores;
}

/** What a process before this one finished; nothing where it is not the beginning of exactly these graphs. */
async function readNoted(directory: string, files: PackageFiles): Promise<Noted> {
  const text = await readFile(join(directory, PROGRESS_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return NOTHING;
  const noted = JSON.parse(text) as Noted; // this program's own, written whole
  const same = Object.entries(noted.graphs).every(([part, digest], at) => {
    const [name, file] = [...files][at] ?? [];
    return name === part && file !== undefined && digestOf(file.graph) === digest;
  });
  return same ? noted : NOTHING;
}

async function note(
  directory: string,
  graphs: Readonly<Record<string, string>>,
  stores: ReadonlyMap<string, WeightFile>,
): Promise<void> {
  const weights: Record<string, WeightFileState> = {};
  for (const [name, store] of stores) weights[name] = await store.state();
  const path = join(directory, PROGRESS_FILE);
  await writeFile(`${path}.new`, JSON.stringify({ graphs, weights } satisfies Noted), { flush: true });
  await rename(`${path}.new`, path);
}

/** What a graph does and which tensors it has; their values are those of the key that the folder is continued by. */
function digestOf({ nodes, inputs, outputs, constants }: Graph): string {
  const tensors = constants.map(({ name, dtype, dims }) => [name, dtype, dims]);
  return createHash("sha256")
    .update(JSON.stringify([nodes, inputs, outputs, tensors]))
    .digest("base64");
}
