// The steps of gpu-check, most important first. Each step is a process of its own with a limit of its own.

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} what one line for people
 * @property {string} run function of steps/, as "file.function"
 * @property {number} seconds limit
 * @property {object} [with] arguments of the function
 * @property {boolean} [needsPackage] waits for the large package
 */

/** @returns {Step[]} */
export function plan() {
  return [
    { name: "versions", what: "driver, CUDA, cuDNN, ONNX Runtime, GPU", run: "machine.versions", seconds: 30 },
    { name: "doctor", what: "operators on the device, libraries, room", run: "machine.doctor", seconds: 60 },
    {
      name: "golden-fp32",
      what: "networks against golden numbers, float32",
      run: "correct.golden",
      seconds: 60,
      with: { precision: "float32" },
    },
    {
      name: "golden-fp16",
      what: "networks against golden numbers, float16",
      run: "correct.golden",
      seconds: 60,
      with: { precision: "float16" },
    },
    { name: "tiny", what: "a page of the tiny model against the CPU", run: "correct.tiny", seconds: 60 },
    { name: "chapter", what: "the sample chapter, embedded model", run: "correct.chapter", seconds: 90 },
    { name: "peer-k3", what: "PyTorch, the same shapes, k = 3", run: "peer.torch", seconds: 60, with: { topK: 3 } },
    {
      name: "networks-k3",
      what: "milliseconds a network, k = 3",
      run: "speed.networks",
      seconds: 90,
      with: { topK: 3 },
      needsPackage: true,
    },
    {
      name: "layout",
      what: "VAE, upsampler and line network in several layouts",
      run: "layout.compared",
      seconds: 60,
      needsPackage: true,
    },
    {
      name: "pages-k3",
      what: "pages a second, k = 3",
      run: "speed.pages",
      seconds: 75,
      with: { topK: 3, references: 1 },
      needsPackage: true,
    },
    {
      name: "pages-k20",
      what: "pages a second, k = 20",
      run: "speed.pages",
      seconds: 90,
      with: { topK: 20, references: 4 },
      needsPackage: true,
    },
    { name: "peer-k20", what: "PyTorch, the same shapes, k = 20", run: "peer.torch", seconds: 60, with: { topK: 20 } },
    {
      name: "batch",
      what: "a denoising step of 1, 2 and 4 pages",
      run: "speed.batches",
      seconds: 60,
      with: { topK: 3 },
      needsPackage: true,
    },
    {
      name: "networks-k20",
      what: "a denoising step, k = 20",
      run: "speed.networks",
      seconds: 60,
      with: { topK: 20, only: ["denoiser"] },
      needsPackage: true,
    },
    {
      name: "memory",
      what: "memory planned against memory used",
      run: "memory.planned",
      seconds: 60,
      with: { topK: 3 },
      needsPackage: true,
    },
    {
      name: "out-of-memory",
      what: "device memory filled, survived",
      run: "memory.exhausted",
      seconds: 60,
      with: { topK: 3 },
      needsPackage: true,
    },
    {
      name: "no-cache",
      what: "pages a second without the reference cache, k = 3",
      run: "speed.pages",
      seconds: 60,
      with: { topK: 3, references: 1, cache: false },
      needsPackage: true,
    },
    {
      name: "copies",
      what: "copies beside a run",
      run: "speed.copies",
      seconds: 45,
      with: { topK: 3 },
      needsPackage: true,
    },
    {
      name: "peer-compiled",
      what: "PyTorch with torch.compile, k = 3",
      run: "peer.torch",
      seconds: 150,
      with: { topK: 3, compile: true },
    },
    { name: "tensorrt", what: "the embedded model on TensorRT", run: "tensorrt.embedded", seconds: 120 },
  ];
}
