// The large package.
import { loadModule } from "../../lib/modules.mjs";

/** A preset in half precision with random weights; one that is there already is taken. */
export async function packageOf({ directory, preset }, emit) {
  const { ensurePresetPackage } = await loadModule("convert/presets.js");
  const { packageBytes } = await loadModule("model/requirements.js");
  const begun = performance.now();
  const { manifest } = await ensurePresetPackage({ directory, preset, precision: "float16" });
  emit("built, or found and checked, in", (performance.now() - begun) / 1000, "s");
  emit("size", packageBytes(manifest) / 1e9, "GB");
}
