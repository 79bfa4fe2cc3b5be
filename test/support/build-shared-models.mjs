// Builds the models that tests share (`shared-models.ts`), unless they are there from an earlier run, and writes their
// folders as JSON to standard output. They lie below build/, in a folder named after what builds them.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildModelPackage } from "../../dist/convert/build-package.js";
import { ensurePresetPackage, PRESETS, presetWeights } from "../../dist/convert/presets.js";
import { openModelPackage } from "../../dist/model/package.js";
import { hashInputs, ROOT } from "../../scripts/lib/steps.mjs";

const FOLDER = join(ROOT, "build/test-models");
const BUILDERS = ["src/convert", "src/onnx", "src/model", "src/config", "test/support/build-shared-models.mjs"];

const SMALL = {
  ...PRESETS.tiny,
  lineExtractor: {
    channels: [4, 4, 4, 4, 4],
    downRepetitions: [1, 1, 1, 1, 1],
    upRepetitions: [1, 1, 1, 1],
    lastChannels: 4,
    lastRepetitions: 1,
  },
  vae: { ...PRESETS.tiny.vae, channels: [4, 4, 4, 4], layersPerBlock: 1 },
  transformer: { ...PRESETS.tiny.transformer, layers: 2, controlLayers: 1 },
  upsampler: null,
};

/** The package in a folder, built where there is none or a damaged one. */
async function ensureSmall(directory) {
  try {
    return await openModelPackage(directory);
  } catch {
    rmSync(directory, { recursive: true, force: true });
    return buildModelPackage({
      directory,
      config: SMALL,
      weights: presetWeights(SMALL, 1),
      info: { name: "cobra-small", version: "1", licence: "CC0-1.0", trained: false },
    });
  }
}

const key = hashInputs(BUILDERS).slice(0, 16);
const tiny = await ensurePresetPackage({ directory: join(FOLDER, key, "tiny"), preset: "tiny" });
const small = await ensureSmall(join(FOLDER, key, "small"));
for (const name of readdirSync(FOLDER)) if (name !== key) rmSync(join(FOLDER, name), { recursive: true, force: true });
process.stdout.write(JSON.stringify({ tinyModel: tiny.directory, smallModel: small.directory }));
