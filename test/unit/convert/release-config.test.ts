/** The config files of a release: what Python writes is read, what is not built is refused by name. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { releaseConfig } from "../../../src/convert/cobra-release/release-config.js";
import { findRelease, type ReleaseFiles } from "../../../src/convert/cobra-release/release-files.js";
import type { WeightSource } from "../../../src/onnx/weights.js";

const lines = { origin: "lines", names: () => [], dims: () => undefined } as unknown as WeightSource;
const BUCKETS = [[64, 64]] as const;

describe("settings", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "cobra-config-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The config of a release whose one given file holds these settings, as text so that Python's words are possible. */
  const read = (kind: "transformer" | "vae" | "scheduler" | "imageEncoder", text: string, ignored: string[] = []) => {
    const path = join(folder, `${kind}.json`);
    writeFileSync(path, text);
    return releaseConfig({ [`${kind}Config`]: path } as unknown as ReleaseFiles, lines, BUCKETS as never, ignored);
  };

  it("are those of the published base where a file is absent", () => {
    const config = releaseConfig({} as ReleaseFiles, lines, BUCKETS as never);
    expect(config.transformer).toMatchObject({ layers: 28, heads: 16, headSize: 72 });
    expect(config.scheduler).toEqual({ trainTimesteps: 1000, betaStart: 0.0001, betaEnd: 0.02 });
  });

  it("of the published scheduler are read, -Infinity and all; those of newer diffusers where they are neutral", () => {
    const newer =
      '{"lambda_min_clipped": -Infinity, "final_sigmas_type": "zero", "rescale_betas_zero_snr": false, ' +
      '"use_beta_sigmas": false, "use_exponential_sigmas": false, "flow_shift": 1.0, "use_flow_sigmas": false, ' +
      '"use_dynamic_shifting": false, "time_shift_type": "exponential", "beta_end": 0.03, "yet_to_come": null}';
    expect(read("scheduler", newer).scheduler.betaEnd).toBe(0.03);
  });

  it.each([
    ["scheduler", '{"timestep_spacing": "trailing"}', 'timestep_spacing: is "trailing", but only "linspace" is built'],
    ["scheduler", '{"final_sigmas_type": "sigma_min"}', "final_sigmas_type"],
    ["scheduler", '{"euler_at_final": true}', "euler_at_final"],
    ["scheduler", '{"use_lu_lambdas": true}', "use_lu_lambdas"],
    ["scheduler", '{"trained_betas": [0.1]}', "trained_betas"],
    ["scheduler", '{"lambda_min_clipped": -5.1}', "lambda_min_clipped: is -5.1, but only -Infinity or null"],
    ["scheduler", '{"_class_name": "DDIMScheduler"}', "_class_name"],
    ["scheduler", '{"beta_start": NaN}', "beta_start"],
    ["scheduler", '{"yet_to_come": 2}', "yet_to_come: is 2; this setting is not known"],
    ["scheduler", '{"timestep_spacing": "trailing", "timestep_spacing": "linspace"}', "is given twice"],
    ["scheduler", "{-Infinity: 3}", "cannot stand here"],
    ["scheduler", `{"x": ${"[".repeat(99_999)}`, "nested deeper than 64"],
    ["scheduler", "version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer"],
    ["scheduler", "<!doctype html>", "it is a web page"],
    ["scheduler", "", "it has zero bytes"],
    ["scheduler", '{"beta_start": 0.5}', "beta_start is 0.5; it must be below beta_end, 0.02"],
    ["scheduler", '{"beta_end": 2}', "beta_end: is 2; "],
    ["scheduler", '{"num_train_timesteps": 9007199254740991}', "num_train_timesteps: is 9007199254740991; "],
    ["scheduler", '{"num_train_timesteps": 1}', "num_train_timesteps: is 1; "],
    ["transformer", '{"num_layers": 1000000}', "num_layers: is 1000000; "],
    ["transformer", '{"num_attention_heads": 100000}', "num_attention_heads: is 100000; "],
    ["vae", '{"layers_per_block": 1000000000}', "layers_per_block: is 1000000000; "],
    ["vae", '{"scaling_factor": 1e-300}', "scaling_factor: is 1e-300; "],
    ["vae", `{"block_out_channels": [${Array(9).fill(8).join()}]}`, "block_out_channels: is [8,8,8,8,8,8,8,8,8]; "],
    ["imageEncoder", '{"image_size": 1000000000}', "image_size: is 1000000000; "],
    ["imageEncoder", '{"layer_norm_eps": 1e300}', "layer_norm_eps: is 1e+300; "],
    ["vae", '{"shift_factor": 0.1}', "shift_factor"],
    ["vae", '{"use_quant_conv": false}', "use_quant_conv"],
    ["vae", '{"up_block_types": ["UpDecoderBlock2D", "AttnUpDecoderBlock2D"]}', "up_block_types"],
    ["vae", '{"latents_mean": [0, 0, 0, 0]}', "latents_mean"],
    ["transformer", '{"norm_eps": 1e-05}', "norm_eps: is 0.00001, but only 0.000001 is built"],
    ["transformer", '{"sample_size": 64}', "sample_size"],
    ["transformer", '{"attention_type": "gated"}', "attention_type"],
    ["imageEncoder", '{"architectures": ["CLIPModel"]}', "architectures"],
  ] as const)("that are not built are refused by name: %s %s", (kind, text, message) => {
    expect(() => read(kind, text)).toThrow(expect.objectContaining({ code: "ERR_MODEL_GRAPH" }));
    expect(() => read(kind, text)).toThrow(message);
  });

  it("are refused all at once, and let through by name", () => {
    const text = '{"euler_at_final": true, "trained_betas": [1], "beta_end": -1}';
    expect(() => read("scheduler", text)).toThrow(/beta_end: .*euler_at_final: .*trained_betas: /);
    expect(() => read("scheduler", "[]")).toThrow("no JSON object");
    expect(read("scheduler", '{"euler_at_final": true}', ["euler_at_final"]).scheduler.betaEnd).toBe(0.02);
  });
});

it("refuses weights that are there whole and in shards, and takes either alone", () => {
  const whole = "/p/transformer/diffusion_pytorch_model.safetensors";
  const transformerOf = (...there: string[]): string =>
    findRelease({ cobra: "/c", pixart: "/p", prompt: "/t" }, [], (path) =>
      path.startsWith("/p/transformer/") ? there.includes(path) : !path.endsWith(".index.json"),
    ).transformer;
  expect([transformerOf(whole), transformerOf(`${whole}.index.json`)]).toEqual([whole, `${whole}.index.json`]);
  expect(() => transformerOf(whole, `${whole}.index.json`)).toThrow(
    expect.objectContaining({
      code: "ERR_MODEL_WEIGHTS",
      message: `${whole} is there whole and in shards (${whole}.index.json)`,
    }),
  );
});
