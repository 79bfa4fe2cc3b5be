/** NVIDIA GPUs: whether driver and chip suit the CUDA that ONNX Runtime was built for, and where its libraries are. */
import { execFile } from "node:child_process";
import type { CudaLibraries, CudaLibrary } from "../../../binding/runtime/cuda-libraries.js";
import type { Finding, Status } from "./finding.js";

const QUERY_TIMEOUT_MS = 10_000;
const FIELDS = ["name", "compute_cap", "driver_version", "memory.free", "memory.total"];
const MIB = 2 ** 20;

/** The oldest driver that runs a CUDA version on Linux (NVIDIA's release notes, "CUDA Toolkit and Driver Versions"). */
const OLDEST_DRIVER: Readonly<Record<number, string>> = { 12: "525.60.13", 13: "580.65.06" };

/**
 * Chips that the providers of ONNX Runtime 1.29 hold machine code for; they hold none that a driver could translate
 * for others (PTX). Code for 8.0 runs on 8.6 and 8.9 too.
 */
const CHIPS: Readonly<Record<string, readonly string[]>> = { "1.29": ["7.5", "8.0", "8.6", "8.9", "9.0", "12.0"] };

/** Packages that bring the libraries, by the beginning of a library's name. */
const PIP_PACKAGES: readonly (readonly [begin: string, name: (version: number) => string])[] = [
  ["libcudart", (version) => (version >= 13 ? "nvidia-cuda-runtime" : `nvidia-cuda-runtime-cu${version}`)],
  ["libcublas", (version) => (version >= 13 ? "nvidia-cublas" : `nvidia-cublas-cu${version}`)],
  ["libcurand", (version) => (version >= 13 ? "nvidia-curand" : `nvidia-curand-cu${version}`)],
  ["libcufft", (version) => (version >= 13 ? "nvidia-cufft" : `nvidia-cufft-cu${version}`)],
  ["libnvrtc", (version) => (version >= 13 ? "nvidia-cuda-nvrtc" : `nvidia-cuda-nvrtc-cu${version}`)],
  ["libcudnn", (version) => `nvidia-cudnn-cu${version}`],
  ["libnvinfer", (version) => `tensorrt-cu${version}-libs`],
  ["libnvonnxparser", (version) => `tensorrt-cu${version}-libs`],
];

/** A GPU as its own tool describes it. */
export interface Gpu {
  readonly name: string;
  /** Compute capability, such as "9.0". */
  readonly capability: string;
  readonly driver: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The machine's NVIDIA GPUs by number; none if their tool is missing or finds none. */
export function nvidiaGpus(): Promise<Gpu[]> {
  const query = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"];
  return new Promise((resolve) => {
    execFile("nvidia-smi", query, { timeout: QUERY_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? readGpus(stdout) : []);
    });
  });
}

/** @param csv a line for each GPU, in the order of `FIELDS`, memory in MiB */
export function readGpus(csv: string): Gpu[] {
  return csv.split("\n").flatMap((line) => {
    const [name, capability, driver, free, total] = line.trim().split(", ");
    const bytes = [free, total].map((text) => Number(text) * MIB);
    return name && capability && driver && bytes.every((value) => Number.isFinite(value))
      ? [{ name, capability, driver, freeBytes: bytes[0]!, totalBytes: bytes[1]! }]
      : [];
  });
}

/** A GPU in a few words. */
export function gpuText({ name, capability, driver, freeBytes, totalBytes }: Gpu): string {
  const gigabytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  return `${name}, compute capability ${capability}, driver ${driver}, ${gigabytes(freeBytes)} of ${gigabytes(totalBytes)} GiB free`;
}

function isOlder(version: string, floor: string): boolean {
  const [one, other] = [version, floor].map((text) => text.split(".").map(Number));
  const at = other!.findIndex((part, index) => (one![index] ?? 0) !== part);
  return at >= 0 && (one![at] ?? 0) < other![at]!;
}

/** Whether machine code for one of the chips runs on a GPU: the same generation, not newer than the GPU. */
function runsOn(capability: string, chips: readonly string[]): boolean {
  const [major, minor] = capability.split(".").map(Number);
  return chips.some((chip) => {
    const [first, second] = chip.split(".").map(Number);
    return first === major && second! <= minor!;
  });
}

/**
 * Whether a GPU suits ONNX Runtime's CUDA provider.
 * @param onnxRuntime its version, such as "1.29.0"
 * @param cudaVersion of the CUDA that the provider was built for; undefined without the provider
 */
export function gpuFinding(number: number, gpu: Gpu, onnxRuntime: string, cudaVersion: number | undefined): Finding {
  const base = { check: `gpu-${number}`, title: `GPU ${number}`, found: gpuText(gpu) };
  const driver = cudaVersion === undefined ? undefined : OLDEST_DRIVER[cudaVersion];
  if (driver !== undefined && isOlder(gpu.driver, driver))
    return {
      ...base,
      status: "warning",
      remedy: `CUDA ${cudaVersion} needs driver ${driver} or newer; install a newer driver`,
    };
  const chips = CHIPS[onnxRuntime.split(".").slice(0, 2).join(".")];
  if (chips !== undefined && !runsOn(gpu.capability, chips))
    return {
      ...base,
      status: "warning",
      remedy: `ONNX Runtime ${onnxRuntime} has no code for compute capability ${gpu.capability}, only for ${chips.join(", ")}; use another GPU, or name an ONNX Runtime that was built for this one with COBRA_ORT_SDK`,
    };
  return { ...base, status: "ok" };
}

/**
 * Where a provider's libraries are.
 * @param absent what a missing library means: "error" for the provider that must work
 */
export function librariesFinding(provider: string, found: CudaLibraries, absent: Status): Finding {
  const base = { check: `libraries-${provider}`, title: `libraries of ${provider}` };
  if (found.providerFile === undefined)
    return {
      ...base,
      status: absent,
      found: "ONNX Runtime's provider does not lie beside its library",
      remedy: "in a clone: npm run build -- --gpu; elsewhere install a bundle that was made with --gpu (docs/gpu.md)",
    };
  const missing = found.libraries.filter(({ path }) => path === undefined);
  const text = [
    ...placesText(found.libraries),
    ...(missing.length > 0 ? [`not found: ${missing.map(({ name }) => name).join(", ")}`] : []),
  ].join("; ");
  if (missing.length === 0) return { ...base, status: "ok", found: text };
  return { ...base, status: absent, found: text, remedy: remedyFor(missing, found.cudaVersion ?? 13) };
}

/** "libcudart.so.13, libcublas.so.13 in /usr/lib64". */
function placesText(libraries: readonly CudaLibrary[]): string[] {
  const folders = new Map<string, string[]>();
  for (const { name, path, from } of libraries)
    if (path !== undefined) {
      const place = `${path.slice(0, path.lastIndexOf("/"))} (${from})`;
      folders.set(place, [...(folders.get(place) ?? []), name]);
    }
  return [...folders].map(([place, names]) => `${names.join(", ")} in ${place}`);
}

function remedyFor(missing: readonly CudaLibrary[], version: number): string {
  const packages = new Set(
    missing.flatMap(({ name }) => PIP_PACKAGES.find(([begin]) => name.startsWith(begin))?.[1](version) ?? []),
  );
  const install = packages.size > 0 ? `python3 -m pip install ${[...packages].join(" ")}, or ` : "";
  return `${install}install CUDA ${version}, or name the folder that has them with COBRA_CUDA_PATH`;
}
