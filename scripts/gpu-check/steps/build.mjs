// The large package.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadModule } from "../../lib/modules.mjs";

/** A preset in half precision with random weights; one that is there already is taken. */
export async function packageOf({ directory, preset }, emit) {
  const { ensurePresetPackage } = await loadModule("convert/presets.js");
  const { packageBytes } = await loadModule("model/requirements.js");
  const begun = performance.now();
  const { manifest } = await ensurePresetPackage({ directory, preset, precision: "float16" });
  skipUpsampler(directory);
  emit("built, or found and checked, in", (performance.now() - begun) / 1000, "s");
  emit("size", packageBytes(manifest) / 1e9, "GB");
}

/** As a package of Cobra's own weights does where a picture keeps the page's ink. */
function skipUpsampler(directory) {
  const path = join(directory, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  if (manifest.upsampler === null || manifest.upsampler.pageInk === false) return;
  manifest.upsampler.pageInk = false;
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}
