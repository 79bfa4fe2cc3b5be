/** `cobra-batch model optimize`: builds TensorRT's engines for a package ahead of the first page. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, runtimeInfo } from "../../../binding/index.js";
import { findCudaLibraries } from "../../../binding/runtime/cuda-libraries.js";
import { engineFolder, hasWeightsInside, tensorRtOptions } from "../../../colorization/networks/tensorrt-options.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { ModelError, ResourceError } from "../../../errors.js";
import { modelDirectory } from "../../../model/default-model.js";
import { GRAPHS, type GraphName } from "../../../model/graph-names.js";
import { openModelPackage, type ModelPackage } from "../../../model/package.js";
import { makeFolders } from "../../../platform/folders.js";
import { librariesFinding } from "../doctor/gpu-checks.js";
import type { OptimizeFlags } from "../commands/model-command.js";
import { reportErrors } from "../output/report-errors.js";
import { bytesText } from "../../../text/bytes-text.js";
import { printText } from "../output/terminal-text.js";

/** Builds the engines and prints the folder that holds them. */
export function optimizeModel(model: string | undefined, flags: OptimizeFlags): Promise<void> {
  return reportErrors(async () => optimize(modelDirectory(model), flags), Boolean(flags.json));
}

async function optimize(directory: string, { device, json = false }: OptimizeFlags): Promise<void> {
  const model = await openModelPackage(directory);
  if (!hasWeightsInside(model))
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `${model.directory}: its weights lie apart from its graphs, and TensorRT makes constants only of weights inside`,
      { remedy: "run it with --provider cuda" },
    );
  const { libraryPath } = runtimeInfo();
  for (const provider of ["cuda", "tensorrt"] as const) {
    const { status, found, remedy } = librariesFinding(
      provider,
      findCudaLibraries(libraryPath, provider, process.env),
      "error",
    );
    if (status !== "ok")
      throw new ResourceError("ERR_PROVIDER_UNAVAILABLE", `the tensorrt provider cannot start: ${found}; ${remedy}`);
  }
  const folder = engineFolder(model);
  await makeFolders(folder);
  const files = networkFiles(model);
  const say = (text: string): void => void (json || process.stderr.write(`${text}\n`));
  for (const [at, { path, graph }] of files.entries()) {
    say(`[${at + 1}/${files.length}] ${graph}: building, which may take minutes`);
    const begun = performance.now();
    const options = tensorRtOptions(model, graph, { provider: "tensorrt", deviceId: device });
    (await InferenceSession.create(path, options)).dispose();
    say(`[${at + 1}/${files.length}] ${graph}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  }
  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  if (json) {
    printText(toJsonLine({ type: "model-optimized", directory: model.directory, engines: folder, bytes }));
    return;
  }
  say(`engines take ${bytesText(bytes)}; they serve this package on this kind of GPU and these versions`);
  printText(`${folder}\n`);
}

/** Each graph's file once: styles may share it. */
function networkFiles(model: ModelPackage): { path: string; graph: GraphName }[] {
  const found = new Map<string, GraphName>();
  for (const graph of GRAPHS) {
    if (graph === "guided_upsampler" && model.manifest.upsampler === null) continue;
    for (const style of model.styles) found.set(model.graphPath(graph, style), graph);
  }
  return [...found].map(([path, graph]) => ({ path, graph }));
}
