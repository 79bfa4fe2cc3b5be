/**
 * Locates the libraries that ONNX Runtime's CUDA and TensorRT providers need. The providers name them without a
 * folder, so the dynamic linker finds them only in its own places; people have them in others too: in the packages of
 * a Python environment, or in a folder of their own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { readElfNames } from "../../platform/elf.js";

/** Providers whose libraries are looked for. */
export type CudaProvider = "cuda" | "tensorrt";

type Environment = Readonly<Record<string, string | undefined>>;

/** A library that a provider needs. */
export interface CudaLibrary {
  /** The name by which it is asked for, such as "libcudart.so.13". */
  readonly name: string;
  /** Needed for the provider to start; the others are asked for later, such as cuDNN at the first convolution. */
  readonly isLinked: boolean;
  readonly path?: string;
  /** In which of the places it was found. */
  readonly from?: string;
}

/** What a provider needs, in the order in which it is to be loaded. */
export interface CudaLibraries {
  /** The provider's own library; undefined if it does not lie beside ONNX Runtime. */
  readonly providerFile?: string;
  /** Of the CUDA that the provider was built for, such as 13. */
  readonly cudaVersion?: number;
  readonly libraries: readonly CudaLibrary[];
}

const PROVIDER_FILES: Readonly<Record<CudaProvider, string>> = {
  cuda: "libonnxruntime_providers_cuda.so",
  tensorrt: "libonnxruntime_providers_tensorrt.so",
};
/** Of the C library, the C++ runtime and the driver: always the system's own. */
const SYSTEM =
  /^(?:ld-linux-x86-64|lib(?:c|m|dl|rt|pthread|stdc\+\+|gcc_s|cuda|onnxruntime|onnxruntime_providers_shared|cobra-batch))\.so/;
/** What needs another one comes after it. */
const ORDER = ["cudart", "nvrtc", "cublasLt", "cublas", "curand", "cudnn", "nvinfer", "nvonnxparser"];
const CUDNN = "libcudnn.so.9";
const SYSTEM_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib", "/opt/cuda/lib64"];
const LINKER_CONFIG = "/etc/ld.so.conf.d";

/**
 * Finds a provider's libraries. All come from one place where one has them all: parts of two CUDA versions do not fit.
 * @param libraryPath of ONNX Runtime, beside which the provider lies
 */
export function findCudaLibraries(libraryPath: string, provider: CudaProvider, env: Environment): CudaLibraries {
  const providerFile = join(dirname(libraryPath), PROVIDER_FILES[provider]);
  const names = readElfNames(providerFile);
  if (names === undefined) return { libraries: [] };
  const linked = names.needed.filter((name) => !SYSTEM.test(name));
  const version = linked.map((name) => /^libcudart\.so\.(\d+)$/.exec(name)?.[1]).find((found) => found !== undefined);
  const later = [CUDNN, ...(version === undefined ? [] : [`libnvrtc.so.${version}`])];
  const wanted = [...new Set([...linked, ...later])].sort((a, b) => rank(a) - rank(b));
  const places = searchPlaces(env);
  const lacks = (folders: readonly string[], all: readonly string[]): boolean =>
    all.some((name) => inFolders(folders, name) === undefined);
  const complete =
    places.find(({ folders }) => !lacks(folders, wanted)) ?? places.find(({ folders }) => !lacks(folders, linked));
  const order = complete === undefined ? places : [complete, ...places.filter((place) => place !== complete)];
  return {
    providerFile,
    ...(version === undefined ? {} : { cudaVersion: Number(version) }),
    libraries: wanted.map((name) => ({ name, isLinked: linked.includes(name), ...locate(order, name) })),
  };
}

function rank(name: string): number {
  const at = ORDER.indexOf(/^lib(\w+?)\.so/.exec(name)?.[1] ?? "");
  return at < 0 ? ORDER.length : at;
}

interface Place {
  readonly from: string;
  readonly folders: readonly string[];
}

function locate(places: readonly Place[], name: string): { path: string; from: string } | Record<string, never> {
  for (const { from, folders } of places) {
    const path = inFolders(folders, name);
    if (path !== undefined) return { path, from };
  }
  return {};
}

function inFolders(folders: readonly string[], name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Where libraries are looked for, the most deliberate place first. */
export function searchPlaces(env: Environment): Place[] {
  const listed = (name: string): string[] => (env[name] ?? "").split(delimiter).filter((folder) => folder !== "");
  const places: Place[] = [
    { from: "COBRA_CUDA_PATH", folders: listed("COBRA_CUDA_PATH").flatMap(withLibraryFolders) },
    { from: "LD_LIBRARY_PATH", folders: listed("LD_LIBRARY_PATH") },
    ...["VIRTUAL_ENV", "CONDA_PREFIX"].flatMap((from) =>
      listed(from).map((prefix) => ({ from, folders: [...pythonFolders(prefix), join(prefix, "lib")] })),
    ),
    { from: "system", folders: systemFolders() },
    ...listed("PATH")
      .filter((folder) => existsSync(join(folder, "python3")))
      .map((folder) => ({ from: join(folder, "python3"), folders: pythonFolders(dirname(folder)) })),
    { from: "the user's Python packages", folders: pythonFolders(join(env["HOME"] ?? homedir(), ".local")) },
  ];
  return places.filter(({ folders }) => folders.length > 0);
}

/** Where the dynamic linker looks, and where NVIDIA's installer puts CUDA whether the linker knows it or not. */
function systemFolders(): string[] {
  const configured = below(LINKER_CONFIG, (name) => name).flatMap((file) => {
    try {
      return readFileSync(file, "utf8").split("\n");
    } catch {
      return [];
    }
  });
  const installed = below("/usr/local", (name) => name)
    .filter((path) => /\/cuda[^/]*$/.test(path))
    .flatMap((path) => [join(path, "lib64"), join(path, "targets/x86_64-linux/lib")]);
  return [...new Set([...configured.map((line) => line.trim()).filter(isAbsolute), ...installed, ...SYSTEM_FOLDERS])];
}

/** A folder with libraries, or one that holds such folders: CUDA's own, or Python's `nvidia`. */
function withLibraryFolders(folder: string): string[] {
  return [folder, join(folder, "lib64"), join(folder, "lib"), ...below(folder, (name) => join(name, "lib"))];
}

/** `nvidia/<package>/lib` and TensorRT's folder in the packages of a Python installation. */
function pythonFolders(prefix: string): string[] {
  const roots = below(join(prefix, "lib"), (name) => name)
    .filter((path) => /\/python3[^/]*$/.test(path))
    .flatMap((path) => [join(path, "site-packages"), join(path, "dist-packages")]);
  return roots.flatMap((root) => [
    ...below(join(root, "nvidia"), (name) => join(name, "lib")),
    ...[join(root, "tensorrt_libs")].filter((path) => existsSync(path)),
  ]);
}

/** Paths below a folder, one made of each name in it; none if it is not there. */
function below(folder: string, path: (name: string) => string): string[] {
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, path(name)));
  } catch {
    return [];
  }
}
