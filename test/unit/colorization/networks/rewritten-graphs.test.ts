// Which graphs are rewritten before a session opens, on which provider.
import { expect, it } from "vitest";
import { BatchProcessingError } from "../../../../src/errors.js";
import type { SessionOptions } from "../../../../src/binding/index.js";
import { Networks } from "../../../../src/colorization/networks/networks.js";
import { GRAPHS } from "../../../../src/model/graph-names.js";
import { openModelPackage } from "../../../../src/model/package.js";
import { decodeModelProto } from "../../../../src/onnx/schema.js";
import { TINY_MODEL } from "../../../support/shared-models.js";

/** What sessions are opened with: a path, or the operators of a rewritten graph. None opens. */
async function opened(options: SessionOptions, error: Error): Promise<Record<string, unknown[]>> {
  const seen: Record<string, unknown[]> = {};
  await using networks = new Networks(await openModelPackage(TINY_MODEL), options, {
    openNetwork: (graph, model, { fallback }) => {
      const what = typeof model === "string" ? "file" : decodeModelProto(model).graph.node.map(({ opType }) => opType);
      (seen[graph] ??= []).push({ what, fallback });
      return Promise.reject(error);
    },
  });
  for (const graph of GRAPHS) await expect(networks.session(graph, "line")).rejects.toBe(error);
  return seen;
}
const error = new BatchProcessingError("ERR_PROVIDER_UNAVAILABLE", "not here");

/** The stored encoder, which may draw several latents at once. */
const drawing = expect.arrayContaining(["InstanceNormalization"]) as unknown;

it.each<SessionOptions>([{}, { provider: "cuda", graphOptimization: "disabled" }])(
  "graphs are opened as they are stored, the picture's encoder for several draws: %j",
  async (options) => {
    const seen = await opened(options, error);
    expect(Object.keys(seen)).toHaveLength(GRAPHS.length);
    for (const [graph, opening] of Object.entries(seen)) {
      const what = graph === "vae_encoder" ? drawing : "file";
      expect([graph, ...opening]).toEqual([graph, { what, fallback: undefined }]);
    }
  },
);

it.each(["tensorrt", "webgpu"] as const)("%s gets all graphs as they are stored", async (provider) => {
  const seen = await opened({ provider }, error);
  for (const opening of Object.values(seen)) expect(opening).toEqual([{ what: "file", fallback: undefined }]);
});

it("CUDA gets the VAE's networks with its own operator for group norms, the CPU after it the stored ones", async () => {
  const seen = await opened({ provider: "cuda", fallback: true }, error);
  for (const [graph, opening] of Object.entries(seen)) {
    const stored = { what: graph === "vae_encoder" ? drawing : "file", fallback: true };
    const rewritten = { what: expect.arrayContaining(["GroupNorm"]) as unknown, fallback: false };
    const isVae = ["vae_encoder", "vae_decoder", "guided_upsampler"].includes(graph);
    expect([graph, ...opening]).toEqual(isVae ? [graph, rewritten, stored] : [graph, stored]);
  }
});
