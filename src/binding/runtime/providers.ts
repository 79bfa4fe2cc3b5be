/**
 * The execution providers, in one table. This file imports nothing, so that flags can be defined without loading the
 * addon.
 */

/** Execution providers a session can ask for. */
export type Provider = "cpu" | "cuda" | "tensorrt" | "webgpu";

interface ProviderFacts {
  /** What ONNX Runtime calls it. */
  readonly ortName: string;
  /** On which kind of device it runs. */
  readonly device: "cpu" | "cuda" | "webgpu";
  /** Whether it computes in double precision. */
  readonly hasFloat64: boolean;
  /** What a machine must have for it, and how to get that. */
  readonly needs: string;
  /** Whether it runs on an NVIDIA GPU. */
  readonly isNvidia: boolean;
}

/** In the order in which they are listed. */
export const PROVIDERS: Readonly<Record<Provider, ProviderFacts>> = {
  cpu: {
    ortName: "CPUExecutionProvider",
    device: "cpu",
    hasFloat64: true,
    needs: "install the package again, or in a clone: npm run build",
    isNvidia: false,
  },
  cuda: {
    ortName: "CUDAExecutionProvider",
    device: "cuda",
    hasFloat64: true,
    needs:
      "needs an NVIDIA GPU with its driver, CUDA 13 (libcudart, libcublas, libcurand) and cuDNN 9, and ONNX Runtime's GPU libraries: npm run build -- --gpu in a clone of the project, or COBRA_ORT_SDK names a folder with them in lib/",
    isNvidia: true,
  },
  tensorrt: {
    ortName: "TensorrtExecutionProvider",
    device: "cuda",
    hasFloat64: true,
    needs: "needs what CUDA needs, and TensorRT 10 (libnvinfer, libnvonnxparser)",
    isNvidia: true,
  },
  webgpu: {
    ortName: "WebGpuExecutionProvider",
    device: "webgpu",
    hasFloat64: false,
    needs:
      "needs a GPU with a Vulkan driver and libvulkan.so.1: sudo apt-get install -y libvulkan1 mesa-vulkan-drivers",
    isNvidia: false,
  },
};

export const PROVIDER_NAMES = Object.keys(PROVIDERS) as readonly Provider[];

/** The provider and the number in a device's name, "cpu", "cpu:1" or "cuda:0"; undefined for what is no name. */
export function parseDeviceName(text: string): { provider: Provider; deviceId: number } | undefined {
  const [, name, index] = /^([a-z]+)(?::(\d{1,4}))?$/u.exec(text) ?? [];
  const provider = PROVIDER_NAMES.find((one) => one === name);
  if (provider === undefined) return undefined;
  return { provider, deviceId: Number(index ?? 0) };
}
