// Layout (clang-format) and lint (clang-tidy) of native/. The formatter is an npm package, so every machine has the
// same one; clang-tidy is the system's, and where it is missing its line says how to install it.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { ensureOnnxRuntime } from "./onnxruntime.mjs";
import { has, listFiles, ROOT, say } from "./steps.mjs";

const LONGEST_LINE = 120;
const TIDY = ["clang-tidy", "clang-tidy-14"];

function sources() {
  return listFiles(["native"]).filter((path) => /\.(cc|h)$/.test(path));
}

/** Lays out native/ by .clang-format; with `write` in place. Returns one line for each file that is not laid out. */
export async function formatNative({ write = false } = {}) {
  const { ClangFormat } = await import("@wasm-fmt/clang-format");
  const format = new ClangFormat();
  format.with_style(readFileSync(join(ROOT, ".clang-format"), "utf8"));
  const faults = [];
  for (const file of sources()) {
    const text = readFileSync(file, "utf8");
    const wanted = format.format(text, file);
    const name = relative(ROOT, file);
    if (wanted !== text && write) writeFileSync(file, wanted);
    else if (wanted !== text) faults.push(`${name} is not laid out; run: npm run format:native`);
    for (const [index, line] of wanted.split("\n").entries()) {
      if ([...line].length > LONGEST_LINE) faults.push(`${name}:${index + 1} is longer than ${LONGEST_LINE} columns`);
    }
  }
  return faults;
}

function lintOne(command, file, flags) {
  return new Promise((resolve) => {
    const child = spawn(command, ["--quiet", file, "--", ...flags], { cwd: ROOT });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("close", (code) => resolve(code === 0 ? "" : output.trim()));
  });
}

/** Lints native/ by .clang-tidy. Returns what it found; nothing where clang-tidy is missing, which is said. */
export async function lintNative() {
  const command = TIDY.find((name) => has(name));
  if (!command) {
    say(
      "clang-tidy is missing: native/ is not linted. Install it with: sudo apt-get install -y --no-install-recommends clang-tidy",
    );
    return [];
  }
  const { include } = await ensureOnnxRuntime();
  const system = [
    include,
    join(ROOT, "node_modules/node-addon-api"),
    join(ROOT, "node_modules/node-api-headers/include"),
  ];
  const defines = ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"];
  const flags = [
    "-std=c++20",
    `-I${join(ROOT, "native")}`,
    ...system.flatMap((path) => ["-isystem", path]),
    ...defines.map((name) => `-D${name}`),
  ];
  // A file that was found clean is linted again when it, a header or the checks change.
  const common = createHash("sha256").update(readFileSync(join(ROOT, ".clang-tidy")));
  for (const header of sources().filter((path) => path.endsWith(".h"))) common.update(readFileSync(header));
  const stampOf = (file) =>
    createHash("sha256").update(common.copy().digest()).update(readFileSync(file)).digest("hex");
  const stamps = join(ROOT, "build/lint");
  mkdirSync(stamps, { recursive: true });
  const clean = new Set(readdirSync(stamps));
  const files = sources().filter((path) => path.endsWith(".cc") && !clean.has(stampOf(path)));
  const faults = [];
  const work = async () => {
    for (let file = files.shift(); file; file = files.shift()) {
      const fault = await lintOne(command, file, flags);
      if (fault) faults.push(fault);
      else writeFileSync(join(stamps, stampOf(file)), "");
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), files.length) }, work));
  return faults;
}
