/** The config files of a release: what Python writes is read, what is not built is refused by name. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePythonJson } from "../../../src/convert/cobra-release/python-json.js";
import { releaseConfig } from "../../../src/convert/cobra-release/release-config.js";
import type { ReleaseFiles } from "../../../src/convert/cobra-release/release-files.js";
import type { WeightSource } from "../../../src/onnx/weights.js";

const lines = { origin: "lines", names: () => [], dims: () => undefined } as unknown as WeightSource;
const BUCKETS = [[64, 64]] as const;

describe("JSON as Python writes it", () => {
  it("has NaN and the infinities as numbers, and leaves strings alone", () => {
    const text = '{"a": -Infinity, "b": [NaN, Infinity, 1e-06], "c": "-Infinity \\" NaN", "NaN": null}';
    expect(parsePythonJson(text)).toEqual({
      a: -Infinity,
      b: [NaN, Infinity, 1e-6],
      c: '-Infinity " NaN',
      NaN: null,
    });
  });

  it.each(['{"a": -Infinit}', '{"a": --Infinity}', "{'a': 1}", '{"a": NaNs}', "", '{"a": "open}'])(
    "refuses %s as JSON.parse does",
    (text) => {
      expect(() => parsePythonJson(text)).toThrow(SyntaxError);
    },
  );
});

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
