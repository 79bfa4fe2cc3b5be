/**
 * Gives memory that ONNX Runtime's arenas hold and do not use back to the system. An arena shrinks only at the end of a
 * run, so each network does the smallest run that it can.
 */
import { Tensor, type Dtype } from "../../binding/index.js";
import { messageOf } from "../../errors.js";
import { getLogger } from "../../logging.js";
import type { ModelManifest } from "../../model/manifest.js";
import { networkInputs } from "../../model/network-inputs.js";
import type { NetworkSessions } from "./network-sessions.js";

const log = getLogger("networks");

/** Shrinks the arenas of all open sessions. One that fails is logged. */
export async function shrinkArenas(sessions: NetworkSessions, manifest: ModelManifest): Promise<void> {
  const side = 4 * manifest.latent.downscale;
  const smallest = networkInputs(manifest, { width: side, height: side }, 1);
  // Graphs may know no page sizes but the model's own.
  const [width, height] = manifest.buckets[0]!;
  for (const { session, graph } of sessions.open()) {
    const dtypes = new Map(session.inputs.map(({ name, dtype }) => [name, dtype]));
    const inputs = Object.fromEntries(
      Object.entries(smallest[graph]).map(([name, dims]) => [
        name,
        name === "resolution"
          ? Tensor.from("float32", Float32Array.of(height, 2 * width), [1, 2])
          : zeros(dtypes.get(name) ?? "float32", dims),
      ]),
    );
    try {
      session.shrinkArena();
      const outputs = await session.run({ ...inputs, ...sessions.loadedWeights(session) });
      for (const output of Object.values(outputs)) output.dispose();
    } catch (error) {
      log.debug({ graph, err: error }, `the arena could not be shrunk: ${messageOf(error)}`);
    } finally {
      for (const input of Object.values(inputs)) input.dispose();
    }
  }
}

function zeros(dtype: Dtype, dims: readonly number[]): Tensor {
  const tensor = Tensor.alloc(dtype, dims);
  if (dtype === "int64") (tensor.data as BigInt64Array).fill(0n);
  else (tensor.data as Float32Array).fill(0);
  return tensor;
}
