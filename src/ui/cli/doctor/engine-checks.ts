/** Checks of the engine's parts: addon, ONNX Runtime, its providers, sharp, the model package. */
import { execFile, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { runtimeInfo } from "../../../binding/index.js";
import { PROVIDER_NAMES, PROVIDERS, type Provider } from "../../../binding/runtime/providers.js";
import { messageOf } from "../../../errors.js";
import { modelDirectory } from "../../../model/default-model.js";
import { openModelPackage } from "../../../model/package.js";
import { isEmbedded, REAL_MODEL_COMMAND } from "../output/stand-in.js";
import { bytesText } from "../output/terminal-text.js";
import type { Finding } from "./finding.js";

const PROBE = fileURLToPath(new URL("./probe-provider.js", import.meta.url));
const PROBE_TIMEOUT_MS = 60_000;
const GPU_QUERY_TIMEOUT_MS = 10_000;

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
 * Runs each provider in a process of its own, so that a driver that crashes takes nothing with it.
 * @param wanted the one that must work
 */
export async function checkProviders(wanted: Provider): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const provider of PROVIDER_NAMES) findings.push(await checkProvider(provider, provider === wanted));
  return findings;
}

async function checkProvider(provider: Provider, wanted: boolean): Promise<Finding> {
  const base = { check: `provider-${provider}`, title: `provider ${provider}` };
  const [{ found, works }, gpu] = await Promise.all([
    probe(provider),
    PROVIDERS[provider].isNvidia ? nvidiaGpu() : undefined,
  ]);
  const withGpu = gpu === undefined ? found : `${found}; ${gpu}`;
  if (works) return { ...base, status: "ok", found: withGpu };
  const remedy = PROVIDERS[provider].needs;
  return { ...base, status: wanted || provider === "cpu" ? "error" : "note", found: withGpu, remedy };
}

function probe(provider: Provider): Promise<{ found: string; works: boolean }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [PROBE, provider],
      { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL" },
      (_error, stdout, stderr) => {
        resolve(stdout === "" ? { found: endOf(child, stderr), works: false } : readProbe(stdout));
      },
    );
  });
}

function readProbe(stdout: string): { found: string; works: boolean } {
  const { ran = [], message } = JSON.parse(stdout) as { ran?: string[]; message?: string };
  return message === undefined
    ? { found: `runs ${ran.join(", ")}`, works: true }
    : { found: withoutAdvice(message), works: false };
}

/** How a process ended that had no time to say why. */
function endOf({ signalCode, exitCode }: ChildProcess, stderr: string): string {
  const operator = [...stderr.matchAll(/^probe: (.+)$/gm)].at(-1)?.[1];
  const where = operator === undefined ? "" : ` at ${operator}`;
  if (signalCode === "SIGKILL") return `does not finish within ${PROBE_TIMEOUT_MS / 1000} s${where}`;
  return `crashes${where} (${signalCode ?? `exit code ${exitCode}`})`;
}

/** The first NVIDIA GPU, by its own tool; undefined if the tool is missing or finds none. */
function nvidiaGpu(): Promise<string | undefined> {
  const query = ["--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"];
  return new Promise((resolve) => {
    execFile("nvidia-smi", query, { timeout: GPU_QUERY_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? gpuText(stdout) : undefined);
    });
  });
}

/** @param csv a line for each GPU: name, compute capability, driver */
export function gpuText(csv: string): string | undefined {
  const [name, capability, driver] = (csv.trim().split("\n")[0] ?? "").split(", ");
  return name && capability && driver ? `${name}, compute capability ${capability}, driver ${driver}` : undefined;
}

/**
 * The reason of an `ERR_PROVIDER_UNAVAILABLE`: the library that is missing, else all but what to do, which doctor says
 * itself.
 */
function withoutAdvice(message: string): string {
  const library = /, (\S+ is missing or does not load)/.exec(message)?.[1];
  return (
    library ?? message.replace(/\. (?:It needs|Stage the GPU).*$/su, "").replace(/, or allow the CPU instead.*$/su, "")
  );
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
    const found = `${manifest.name} ${manifest.version}, ${bytesText(bytes)}, all files intact, hash ${hash.slice(0, 12)} (${directory})`;
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
      found: `${found}; untrained: its colours mean nothing`,
      remedy: "name a trained package with --model or COBRA_MODEL",
    };
  } catch (error) {
    return {
      ...base,
      status: "error",
      found: messageOf(error),
      remedy: "name a model package with --model or COBRA_MODEL, or unset COBRA_MODEL to use the embedded one",
    };
  }
}
