// `npm run build`: makes everything ready to run. `--gpu` also stages the CUDA and TensorRT providers.
import { stageGpuProviders } from "./lib/onnxruntime.mjs";
import { ADDON_DIR, ensureReady } from "./lib/setup.mjs";
import { main, say } from "./lib/steps.mjs";

await main(async () => {
  await ensureReady();
  if (process.argv.includes("--gpu")) say(`staged ${(await stageGpuProviders(ADDON_DIR)).join(", ")}`);
  say("ready");
});
