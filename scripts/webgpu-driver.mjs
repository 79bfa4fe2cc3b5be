// Fetches a software Vulkan driver (SwiftShader, out of Debian's chromium-common package) into the user's cache folder,
// for the WebGPU tests: `node scripts/webgpu-driver.mjs`. Nothing is installed on the system. Where there is no
// apt-get, or no such package, it says so and exits 0: those tests are skipped then, with the reason.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { has, main, say } from "./lib/steps.mjs";
import { WEBGPU_DRIVER_FILES, webgpuDriverFolder } from "./lib/webgpu-driver.mjs";

const PACKAGE = "chromium-common";

function attempt(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" });
  return { ok: result.status === 0, output: `${result.stdout ?? ""}${result.stderr ?? ""}`.trim() };
}

await main(() => {
  const target = webgpuDriverFolder();
  if (WEBGPU_DRIVER_FILES.every((file) => existsSync(join(target, file)))) {
    say(`the software Vulkan driver is in ${target}`);
    return 0;
  }
  if (!has("apt-get") || !has("dpkg-deb")) {
    say(
      "no software Vulkan driver: this is no Debian system (apt-get and dpkg-deb are needed); the WebGPU tests are skipped",
    );
    return 0;
  }
  const work = mkdtempSync(join(tmpdir(), "cobra-webgpu-"));
  try {
    say(`fetching ${PACKAGE} (about 32 MB, once per machine)`);
    let fetched = attempt("apt-get", ["download", PACKAGE], work);
    if (!fetched.ok && attempt("apt-get", ["update"], work).ok)
      fetched = attempt("apt-get", ["download", PACKAGE], work);
    const archive = readdirSync(work).find((file) => file.endsWith(".deb"));
    if (!archive || !attempt("dpkg-deb", ["-x", archive, "unpacked"], work).ok) {
      say(
        `no software Vulkan driver: apt-get download ${PACKAGE} failed (${fetched.output.split("\n").at(-1)}); the WebGPU tests are skipped`,
      );
      return 0;
    }
    const staged = `${target}.partial-${process.pid}`;
    mkdirSync(staged, { recursive: true });
    for (const file of WEBGPU_DRIVER_FILES) cpSync(join(work, "unpacked/usr/lib/chromium", file), join(staged, file));
    mkdirSync(dirname(target), { recursive: true });
    rmSync(target, { recursive: true, force: true });
    renameSync(staged, target);
    say(`the software Vulkan driver is in ${target}`);
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
