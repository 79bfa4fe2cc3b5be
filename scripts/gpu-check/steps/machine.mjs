// Describes the machine.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { loadModule } from "../../lib/modules.mjs";
import { ROOT } from "../../lib/steps.mjs";

const GPU_FIELDS = [
  "name",
  "compute_cap",
  "driver_version",
  "memory.total",
  "memory.free",
  "power.limit",
  "clocks.max.sm",
];

/** Text of a program, undefined where it is missing or fails. */
export function said(program, args, seconds = 20) {
  try {
    return execFileSync(program, args, {
      encoding: "utf8",
      timeout: 1000 * seconds,
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

export async function versions({ python }, emit) {
  emit("Node", process.versions.node);
  emit(
    "processor",
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  );
  const gpus = said("nvidia-smi", [`--query-gpu=${GPU_FIELDS.join(",")}`, "--format=csv,noheader"]);
  for (const [at, line] of (gpus ?? "").split("\n").filter(Boolean).entries()) {
    const values = line.split(", ");
    emit(`GPU ${at}`, GPU_FIELDS.map((field, index) => `${field} ${values[index]}`).join(", "));
  }
  if (gpus === undefined) emit("GPU", "nvidia-smi is missing or finds none");
  const cuda = /CUDA Version: ([\d.]+)/.exec(said("nvidia-smi", []) ?? "")?.[1];
  if (cuda) emit("CUDA of the driver", cuda);
  const { runtimeInfo } = await loadModule("binding/index.js");
  const { version, libraryPath, providers } = runtimeInfo();
  emit("ONNX Runtime", `${version}, ${providers.map((name) => name.replace("ExecutionProvider", "")).join(", ")}`);
  const { findCudaLibraries } = await loadModule("binding/runtime/cuda-libraries.js");
  for (const provider of ["cuda", "tensorrt"]) {
    const { providerFile, libraries } = findCudaLibraries(libraryPath, provider, process.env);
    emit(`${provider} provider`, providerFile ?? "is not beside ONNX Runtime");
    for (const { name, path, from } of libraries) emit(name, path === undefined ? "not found" : `${path} (${from})`);
  }
  emit(
    "PyTorch",
    said(python, [
      "-c",
      "import torch; print(torch.__version__, torch.version.cuda, torch.backends.cudnn.version())",
    ]) ?? `${python} has none`,
  );
}

/** What `cobra-batch doctor` finds: operators run on the device, libraries, room for pages. */
export async function doctor({ device }, emit) {
  const { bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const args = [join(ROOT, bin["cobra-batch"]), "doctor", "--json", "--provider", device.split(":")[0]];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const findings = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  for (const { title, status: verdict, found, remedy } of findings)
    emit(title, `${verdict}: ${found}${remedy === undefined ? "" : ` -> ${remedy}`}`);
  if (status !== 0) {
    const errors = findings.filter(({ status: verdict }) => verdict === "error").map(({ title }) => title);
    throw new Error(`doctor finds errors: ${errors.join(", ")}`);
  }
}
