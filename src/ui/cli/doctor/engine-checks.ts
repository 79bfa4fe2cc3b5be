/** Checks of the engine's parts: addon, ONNX Runtime, its providers, sharp, the model package. */
import { execFile, type ChildProcess } from "node:child_process";
import { runtimeInfo } from "../../../binding/index.js";
import { findCudaLibraries } from "../../../binding/runtime/cuda-libraries.js";
import { PROVIDER_NAMES, PROVIDERS, type Provider } from "../../../binding/runtime/providers.js";
import { messageOf } from "../../../errors.js";
import { modelDirectory } from "../../../model/default-model.js";
import { precisionText } from "../../../model/quantizations.js";
import { openModelPackage } from "../../../model/package.js";
import { packagePath } from "../../../platform/package-files.js";
import { isEmbedded, REAL_MODEL_COMMAND } from "../output/stand-in.js";
import { bytesText } from "../../../text/bytes-text.js";
import type { Finding } from "./finding.js";
import { gpuFinding, librariesFinding, type Gpu } from "./gpu-checks.js";
import { sharp } from "../../../io/image/sharp.js";

const PROBE = packagePath("dist/ui/cli/doctor/probe-provider.js");
const PROBE_TIMEOUT_MS = 60_000;

/** The addon with the ONNX Runtime library that it loads. */
export function checkRuntime(): Finding {
  const base = { check: "onnxruntime", title: "ONNX Runtime" };
  try {
    const { version, libraryPath, providers } = runtimeInfo();
    return {
      ...base,
      status: "ok",
      found: `${version} (${libraryPath}), built with ${providers.map((name) => name.replace("ExecutionProvider", "")).join(", ")}`,
    };
  } catch (error) {
    return {
      ...base,
      status: "error",
      found: messageOf(error),
      remedy: "install the package again, or in a clone: npm run build",
    };
  }
}

/**
 * Runs each provider in a process of its own, so that a driver that crashes takes nothing with it; an NVIDIA provider
 * once for each GPU.
 * @param wanted the one that must work
 */
export async function checkProviders(wanted: Provider, gpus: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const provider of PROVIDER_NAMES) {
    const devices = PROVIDERS[provider].isNvidia ? Math.max(1, gpus) : 1;
    for (let device = 0; device < devices; device++)
      findings.push(await checkProvider(provider, device, provider === wanted));
  }
  return findings;
}

/** Runs one provider in a process of its own. @param wanted whether it must work */
export async function checkProvider(provider: Provider, device: number, wanted: boolean): Promise<Finding> {
  const suffix = device === 0 ? "" : `:${device}`;
  const base = { check: `provider-${provider}${suffix}`, title: `provider ${provider}${suffix}` };
  const { found, works } = await probe(provider, device);
  if (works) return { ...base, status: "ok", found };
  const remedy = PROVIDERS[provider].needs;
  return { ...base, status: wanted || provider === "cpu" ? "error" : "note", found, remedy };
}

/**
 * Where the libraries of the NVIDIA providers are, and whether each GPU suits them. Nothing on a machine that has
 * neither GPU nor provider, where the providers' own findings say enough.
 * @param wanted the provider that must work
 */
export function checkGpus(wanted: Provider, gpus: readonly Gpu[]): Finding[] {
  let runtime: { version: string; libraryPath: string };
  try {
    runtime = runtimeInfo();
  } catch {
    return []; // said already
  }
  const found = (["cuda", "tensorrt"] as const).map(
    (provider) => [provider, findCudaLibraries(runtime.libraryPath, provider, process.env)] as const,
  );
  const cudaVersion = found[0]![1].cudaVersion;
  const chips = gpus.map((gpu, number) => gpuFinding(number, gpu, runtime.version, cudaVersion));
  if (gpus.length === 0 && found.every(([, { providerFile }]) => providerFile === undefined)) return chips;
  return [
    ...chips,
    ...found.map(([provider, libraries]) =>
      librariesFinding(provider, libraries, provider === wanted ? "error" : "note"),
    ),
  ];
}

function probe(provider: Provider, device: number): Promise<{ found: string; works: boolean }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [PROBE, provider, String(device)],
      { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL" },
      (_error, stdout, stderr) => {
        resolve(stdout === "" ? { found: endOf(child, stderr), works: false } : readProbe(stdout));
      },
    );
  });
}

/** What a probe printed. Of a provider that cannot start, the library that is missing is enough. */
function readProbe(stdout: string): { found: string; works: boolean } {
  const { ran = [], message } = JSON.parse(stdout) as { ran?: string[]; message?: string };
  return message === undefined
    ? { found: `runs ${ran.join(", ")}`, works: true }
    : { found: /, (\S+ is missing or does not load)/.exec(message)?.[1] ?? message, works: false };
}

/** How a process ended that had no time to say why. */
function endOf({ signalCode, exitCode }: ChildProcess, stderr: string): string {
  const operator = [...stderr.matchAll(/^probe: (.+)$/gm)].at(-1)?.[1];
  const where = operator === undefined ? "" : ` at ${operator}`;
  if (signalCode === "SIGKILL") return `does not finish within ${PROBE_TIMEOUT_MS / 1000} s${where}`;
  return `crashes${where} (${signalCode ?? `exit code ${exitCode}`})`;
}

/** The picture decoder. */
export function checkSharp(): Finding {
  const wanted = { PNG: "png", JPEG: "jpeg", WebP: "webp", TIFF: "tiff", AVIF: "heif", GIF: "gif" } as const;
  const formats = sharp.format as unknown as Record<string, { input?: { buffer?: boolean } } | undefined>;
  const missing = Object.entries(wanted).flatMap(([name, format]) =>
    formats[format]?.input?.buffer === true ? [] : [name],
  );
  const found = `${sharp.versions.sharp ?? "?"} with libvips ${sharp.versions.vips}`;
  const base = { check: "sharp", title: "sharp" };
  if (missing.length === 0)
    return { ...base, status: "ok", found: `${found}; reads ${Object.keys(wanted).join(", ")}` };
  return {
    ...base,
    status: missing.includes("PNG") || missing.includes("JPEG") ? "error" : "warning",
    found: `${found}; cannot read ${missing.join(", ")}`,
    remedy: "install sharp's own libvips: npm install --include=optional sharp",
  };
}

/** The model package that is used, all its hashes checked. @param named by `--model` */
export async function checkModel(named: string | undefined): Promise<Finding> {
  const base = { check: "model", title: "model" };
  try {
    const { manifest, directory, hash } = await openModelPackage(modelDirectory(named));
    const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
    const found = `${manifest.name} ${manifest.version}, ${precisionText(manifest)}, ${bytesText(bytes)}, all files intact, hash ${hash.slice(0, 12)} (${directory})`;
    if (manifest.trained && isEmbedded(directory))
      return {
        ...base,
        status: "note",
        found: `${found}; a small stand-in for Cobra's own weights`,
        remedy: `for Cobra's own colours: ${REAL_MODEL_COMMAND}`,
      };
    if (manifest.trained) return { ...base, status: "ok", found };
    return {
      ...base,
      status: "warning",
      found: `${found}; untrained: its weights are random, so its colours are meaningless`,
      remedy: "name a trained package with --model or COBRA_MODEL",
    };
  } catch (error) {
    return {
      ...base,
      status: "error",
      found: messageOf(error),
      remedy:
        "name a model package with --model or COBRA_MODEL; for the embedded one unset COBRA_MODEL and run `cobra-batch model use embedded`",
    };
  }
}
