// TensorRT, where it is there.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../lib/steps.mjs";
import { sessionOptions, withNetworks } from "../engine-parts.mjs";
import { Skip } from "../verdict.mjs";

const REFERENCES = 12;

/** Networks of the embedded model, whose weights are inside, on TensorRT and on CUDA. */
export async function embedded({ device, work }, emit) {
  if (!device.startsWith("cuda")) throw new Skip(`TensorRT runs on an NVIDIA GPU; the device is ${device}`);
  const cache = join(work, "tensorrt");
  mkdirSync(cache, { recursive: true });
  const options = {
    ...sessionOptions(device, "tensorrt"),
    providerOptions: {
      trt_engine_cache_enable: "1",
      trt_engine_cache_path: cache,
      trt_timing_cache_enable: "1",
      trt_timing_cache_path: cache,
      trt_fp16_enable: "1",
    },
  };
  const directory = join(ROOT, "models/default");
  for (const graph of ["denoiser", "vae_decoder"]) {
    await withNetworks(directory, options, async (bench) => {
      try {
        const { ms, firstMs } = await bench.time(graph, firstBucket(bench), REFERENCES);
        emit(`${graph} on TensorRT, engine built`, firstMs / 1000, "s");
        emit(`${graph} on TensorRT`, ms, "ms");
      } catch (error) {
        if (error.code === "ERR_PROVIDER_UNAVAILABLE") throw new Skip(error.message);
        throw error;
      }
    });
    await withNetworks(directory, sessionOptions(device), async (bench) => {
      const { ms } = await bench.time(graph, firstBucket(bench), REFERENCES);
      emit(`${graph} on CUDA`, ms, "ms");
    });
  }
}

function firstBucket({ model }) {
  const [width, height] = model.manifest.buckets[0];
  return { width, height };
}
