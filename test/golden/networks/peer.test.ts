/**
 * The PyTorch peer of `bench/peers` has the engine's architecture: with the golden cases' weights and inputs it gives
 * what the engine's own graphs give. Needs a Python with PyTorch, named by COBRA_TORCH_PYTHON; else skipped.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { buildVaeDecoder } from "../../../src/convert/graphs/vae-graphs.js";
import { buildDenoiser } from "../../../src/convert/graphs/denoiser.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { Weights } from "../../../src/onnx/weights.js";
import { transformerConfig, vaeConfig } from "../../support/golden-configs.js";
import { loadGolden, maxDifference } from "../../support/golden.js";
import { runGraph } from "../../support/run-graph.js";

const PYTHON = process.env["COBRA_TORCH_PYTHON"];
const CHECK = fileURLToPath(new URL("../../../bench/peers/check.py", import.meta.url));
const TOLERANCE = 1e-4;

it.skipIf(PYTHON === undefined)(
  "the peer gives the engine's values (skipped without COBRA_TORCH_PYTHON)",
  { timeout: 240_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "cobra-peer-"));
    const { stdout } = await promisify(execFile)(PYTHON!, [CHECK, folder]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { network: string; difference: number });
    expect(lines.map(({ network }) => network)).toEqual([
      "reference_keys",
      ...[0, 1, 2, 3].map((step) => `denoiser_step${step}`),
      "vae_encoder",
      "vae_decoder",
    ]);
    for (const { network, difference } of lines) expect(difference, network).toBeLessThan(TOLERANCE);

    const values = (network: string): Float32Array => {
      const bytes = readFileSync(join(folder, `${network}.f32`));
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    };
    const pipeline = loadGolden("pipeline_tiny/0");
    const config = transformerConfig(pipeline.config["transformer"] as Record<string, unknown>);
    const prompt = {
      embeds: pipeline.tensor("prompt_embeds").data,
      mask: pipeline.tensor("prompt_attention_mask").data,
    };
    const main = (): Weights => new Weights(pipeline.weights("transformer"), "main");
    const latent = pipeline.tensor("cond_refs_latent");
    const count = latent.dims[0]!;
    const resolution = pipeline.tensor("resolution");
    const quadrant = Array.from(pipeline.tensor("n_ref_list").data).flatMap((times, at) =>
      Array<number>(times).fill(at),
    );
    const { reference_kv: referenceKv } = await runGraph(buildReferenceEncoder(config, main(), prompt), {
      latent,
      quadrant: { dims: [count], data: Float32Array.from(quadrant), dtype: "int64" },
      resolution: {
        dims: [count, 2],
        data: Float32Array.from({ length: 2 * count }, (_, at) => resolution.data[at % 2]!),
      },
    });
    const weights = { main: main(), control: new Weights(pipeline.weights("control"), "control") };
    const { noise } = await runGraph(buildDenoiser(config, weights, prompt), {
      latent: pipeline.tensor("noise_latents"),
      line_latent: pipeline.tensor("cond_input_latent"),
      hint_latent: pipeline.tensor("hint_color_latent"),
      hint_mask: pipeline.tensor("hint_mask_tensor"),
      timestep: { dims: [1], data: Float32Array.of(pipeline.tensor("timesteps").data[0]!) },
      resolution,
      reference_kv: { ...referenceKv!, dims: [1, ...referenceKv!.dims] },
    });
    expect(maxDifference(noise!.data, values("denoiser_step0"))).toBeLessThan(TOLERANCE);

    const golden = loadGolden("vae_decoder/0");
    const decoder = buildVaeDecoder(vaeConfig(golden.config), new Weights(golden.weights(), "vae"));
    const { image } = await runGraph(decoder, { latent: golden.tensor("latent") });
    expect(maxDifference(image!.data, values("vae_decoder"))).toBeLessThan(TOLERANCE);
    rmSync(folder, { recursive: true });
  },
);
