// Measures the device's memory, and checks the behaviour when it runs out.
import { loadModule } from "../../lib/modules.mjs";
import { sessionOptions, withNetworks } from "../engine-parts.mjs";

const QUADRANTS = 4;
const MIB = 2 ** 20;

/** What is estimated for the denoiser and the VAE, and what they take. */
export async function planned({ device, directory, bucket, topK }, emit) {
  const { PageMemory } = await loadModule("colorization/page-memory.js");
  const { modelRequirements } = await loadModule("model/requirements.js");
  await withNetworks(directory, sessionOptions(device), async (bench) => {
    const needs = new PageMemory(bench.model);
    const size = [bucket.width, bucket.height];
    const provider = device.split(":")[0];
    emit("weights of all networks, planned", modelRequirements(bench.model, provider).weightBytes / MIB, "MiB");
    emit("keys and values of a page, planned", needs.referenceBytes(size, topK) / MIB, "MiB");
    for (const graph of ["vae_encoder", "reference_encoder", "denoiser", "vae_decoder"]) {
      const session = await bench.session(graph);
      const free = session.deviceMemory()?.freeBytes;
      const before = session.allocatorStats();
      await bench.time(graph, bucket, QUADRANTS * topK, { runs: 1 });
      const after = session.allocatorStats();
      emit(`${graph}, planned`, needs.networkBytes(size, topK, [graph]) / MIB, "MiB");
      emit(`${graph}, arena`, (after.totalAllocatedBytes - before.totalAllocatedBytes) / MIB, "MiB");
      emit(`${graph}, handed out at most`, after.maxInUseBytes / MIB, "MiB");
      if (free !== undefined) emit(`${graph}, device`, (free - session.deviceMemory().freeBytes) / MIB, "MiB");
    }
  });
}

/** Takes all memory, sees a run fail with the right error, gives it back, and sees the same run succeed. */
export async function exhausted({ device, directory, bucket, topK }, emit) {
  const { Tensor } = await loadModule("binding/index.js");
  await withNetworks(directory, sessionOptions(device), async (bench) => {
    const run = () => bench.time("denoiser", bucket, QUADRANTS * topK, { runs: 1 });
    const session = await bench.session("denoiser");
    await bench.sessions.weights("denoiser", bench.style, session);
    const held = [];
    // The system's own memory is never filled: there a single impossible tensor must do.
    let bytes = session.device.onHost ? 2 ** 50 : 2 ** 30;
    try {
      for (;;) {
        try {
          held.push(await Tensor.allocOn(session, "uint8", [bytes]));
        } catch (error) {
          if (error.code !== "ERR_OUT_OF_MEMORY") throw error;
          emit(`allocating ${bytes / MIB} MiB`, error.code);
          if (session.device.onHost || bytes <= 16 * MIB) break;
          bytes /= 4;
        }
      }
      emit("blocks taken", held.length);
      if (!session.device.onHost) {
        const outcome = await run().then(
          () => "ran all the same",
          (error) => error.code ?? error.message,
        );
        emit("a run without memory", outcome);
        if (!["ERR_OUT_OF_MEMORY", "ran all the same"].includes(outcome))
          throw new Error(`the run failed with ${outcome}, which is not ERR_OUT_OF_MEMORY`);
      }
    } finally {
      for (const tensor of held) tensor.dispose();
    }
    // An arena may be of no use after it ran out: then a new session must do.
    const again = await run().then(
      () => "yes",
      (error) => `no: ${error.message}`,
    );
    emit("the same session runs again", again);
    if (again !== "yes") {
      await withNetworks(directory, sessionOptions(device), (fresh) =>
        fresh.time("denoiser", bucket, QUADRANTS * topK, { runs: 1 }),
      );
      emit("a new session runs", "yes");
    }
  });
}
