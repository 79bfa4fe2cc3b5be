/** onnxruntime-node, the peer that the addon's results are compared with. */
import { createRequire } from "node:module";
import { join } from "node:path";

interface PeerTensor {
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
  readonly dims: readonly number[];
}

/** The part of onnxruntime-node that the tests use. */
export interface Peer {
  readonly Tensor: new (dtype: string, data: unknown, dims: readonly number[]) => PeerTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options?: { graphOptimizationLevel?: "all"; optimizedModelFilePath?: string },
    ): Promise<{
      run(feeds: Record<string, PeerTensor>): Promise<Record<string, PeerTensor>>;
      release(): Promise<void>;
    }>;
  };
}

const folder = process.env["COBRA_PEER_ORT_NODE"];

/** Why the peer's tests are skipped, or undefined where it is there. */
export const peerMissing: string | undefined = folder
  ? undefined
  : "COBRA_PEER_ORT_NODE is empty: no onnxruntime-node staged (an SDK of your own is in use, or vitest was started without scripts/test.mjs)";

/** Loads the peer, without its telemetry: a database in the user's cache folder. */
export function loadPeer(): Peer {
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
  return createRequire(import.meta.url)(join(folder ?? "", "dist/index.js")) as Peer;
}
