// Runs before `npm pack`: builds what is missing and lays the addon with ONNX Runtime's library under prebuilds/, which
// the tarball ships. Who installs the tarball needs neither a compiler nor a download.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureOnnxRuntime } from "./lib/onnxruntime.mjs";
import { ADDON_DIR, ensureReady } from "./lib/setup.mjs";
import { main, ROOT, SetupError } from "./lib/steps.mjs";

await main(async () => {
  if (process.env["COBRA_ORT_SDK"])
    throw new SetupError("COBRA_ORT_SDK is set: the tarball ships the pinned ONNX Runtime only; unset it to pack");
  await ensureReady();
  const { notices } = await ensureOnnxRuntime();
  const target = join(ROOT, "prebuilds/linux-x64");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const file of ["cobra_batch.node", "libonnxruntime.so.1"])
    copyFileSync(join(ADDON_DIR, file), join(target, file));
  for (const [from, to] of notices) copyFileSync(from, join(target, to));
});
