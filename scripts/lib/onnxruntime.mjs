// Stages ONNX Runtime from npm: headers, core library and (for tests and benchmarks) onnxruntime-node as a peer.
// Everything lands once in the user's cache folder, checked against the SHA-512 pinned below. COBRA_ORT_SDK names an
// SDK folder with include/ and lib/ that is taken instead.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { namesInElf, renameInElf } from "./elf.mjs";
import { run, say, SetupError } from "./steps.mjs";
import { userCacheFolder } from "./user-cache.mjs";

export const ORT_VERSION = "1.29.0";

/**
 * The name that our copy of the library has inside (SONAME), as long as ONNX Runtime's own. glibc takes a library that
 * is loaded already for every other one of the same SONAME: with ONNX Runtime's own, an onnxruntime-node of another
 * version in the same process would get ours and fail. The file keeps its name.
 */
export const OWN_SONAME = "libcobra-batch.so.1";
const SONAME = "libonnxruntime.so.1";

/**
 * Gives the core library our name in a library: in its own copy, and in what needs it. True where there was such a
 * name.
 */
export function useOwnName(elf) {
  const { soname, needed } = namesInElf(elf);
  if (soname !== SONAME && !needed.includes(SONAME)) return false;
  renameInElf(elf, SONAME, OWN_SONAME);
  return true;
}

const HEADERS = "Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework/Headers";

// Core library and headers are of one commit: change the versions only together.
const CORE = {
  name: "onnxruntime-node",
  version: ORT_VERSION,
  integrity: "sha512-WjiVVB72riILz8HbYvxvmjKyE/WmkYoSfKY++axo5jAR609HQg8MwiG/HhShpTcJfmmAdzxxmB+MMST3A+SiPA==",
  members: ["package/bin/napi-v6/linux/x64", "package/dist", "package/package.json"],
};
const SDK_HEADERS = {
  name: "com.github.asus4.onnxruntime",
  version: "0.4.9",
  integrity: "sha512-BkzxduSZ9IkeDP6Q8lz2TFU2ie7hSSvS7ZIfzMooExoq0CNzJnuuGaUJ7IsojBgqO4ouD1jXah8OYyJbCN29Fg==",
  members: [`package/${HEADERS}`, "package/LICENSE", "package/ThirdPartyNotices.txt"],
};
// onnxruntime-node's own dependency; the peer needs it beside itself.
const PEER_COMMON = {
  name: "onnxruntime-common",
  version: ORT_VERSION,
  integrity: "sha512-/F63/e2VJoaVXGGNu6S5QH7jivBThGO95OzAVXXQ8hTta/b1QxI8udHa6cI3+3mAb5WWIIaMMwfZw01oivjJ1g==",
};
const GPU_PROVIDERS = {
  name: "com.github.asus4.onnxruntime.linux-x64-gpu",
  version: "0.4.9",
  integrity: "sha512-FopIhNE/Ng+v2X65wVc9clPCBCvhvA53Hxo2U0Kf5fGdVsC7iCA+mZ0KLWggcQAj7TIZ6pNidR4AC10g74Xo6w==",
};

function cacheRoot() {
  return join(userCacheFolder(), `onnxruntime-${ORT_VERSION}`);
}

async function sha512(path) {
  const hash = createHash("sha512");
  await pipeline(createReadStream(path), hash);
  return `sha512-${hash.digest("base64")}`;
}

async function fetchPackage({ name, version, integrity, members }, into) {
  const spec = `${name}@${version}`;
  say(`  fetching ${spec} from npm (once per machine)`);
  run("npm", ["pack", spec, "--pack-destination", into, "--silent", "--ignore-scripts"], { what: `fetching ${spec}` });
  const tarball = readdirSync(into).find((file) => file.endsWith(`${version}.tgz`));
  if (!tarball) throw new SetupError(`npm pack ${spec} wrote no tarball; try again`);
  const found = await sha512(join(into, tarball));
  if (found !== integrity)
    throw new SetupError(
      `${spec} has the hash ${found}, but ${integrity} is pinned in scripts/lib/onnxruntime.mjs; the download is not what was reviewed`,
    );
  run("tar", ["-xzf", tarball, ...(members ?? [])], { cwd: into, what: `unpacking ${spec}` });
  rmSync(join(into, tarball));
  return join(into, "package");
}

/**
 * Fetches into a temporary folder beside the cache and moves it into place whole, so that a broken fetch leaves
 * nothing.
 */
async function stageInto(target, fill) {
  mkdirSync(join(target, ".."), { recursive: true });
  const temporary = mkdtempSync(`${target}.partial-`);
  try {
    await fill(temporary);
    rmSync(target, { recursive: true, force: true });
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function stageCore(temporary) {
  const sources = [CORE, SDK_HEADERS, PEER_COMMON];
  const folders = [];
  for (const source of sources) {
    const into = join(temporary, `fetch-${source.name}`);
    mkdirSync(into);
    folders.push(await fetchPackage(source, into));
  }
  const [core, headers, common] = folders;
  mkdirSync(join(temporary, "lib"));
  renameSync(join(core, "bin/napi-v6/linux/x64/libonnxruntime.so.1"), join(temporary, "lib/libonnxruntime.so.1"));
  const skip = /experimental|\.meta$/;
  cpSync(join(headers, HEADERS), join(temporary, "include"), { recursive: true, filter: (path) => !skip.test(path) });
  copyFileSync(join(headers, "LICENSE"), join(temporary, "LICENSE"));
  copyFileSync(join(headers, "ThirdPartyNotices.txt"), join(temporary, "ThirdPartyNotices.txt"));
  const peer = join(temporary, "peer/onnxruntime-node");
  mkdirSync(join(temporary, "peer/node_modules"), { recursive: true });
  renameSync(core, peer);
  renameSync(common, join(temporary, "peer/node_modules/onnxruntime-common"));
  // The peer finds the library by its own rpath: beside its binding.
  copyFileSync(join(temporary, "lib/libonnxruntime.so.1"), join(peer, "bin/napi-v6/linux/x64/libonnxruntime.so.1"));
  for (const source of sources) rmSync(join(temporary, `fetch-${source.name}`), { recursive: true });
  writeFileSync(join(temporary, "complete"), sources.map((source) => `${source.integrity}\n`).join(""));
}

/** The core library with a SONAME of its own, made beside the one that was fetched. */
function ownLibrary(target) {
  const own = join(target, "own/libonnxruntime.so.1");
  if (!existsSync(own)) {
    mkdirSync(join(target, "own"), { recursive: true });
    const elf = readFileSync(join(target, "lib/libonnxruntime.so.1"));
    if (!useOwnName(elf)) throw new SetupError(`${own} has no SONAME ${SONAME}; the download is not what was reviewed`);
    const partial = `${own}.partial-${process.pid}`;
    writeFileSync(partial, elf);
    renameSync(partial, own);
  }
  return own;
}

/**
 * Makes sure that ONNX Runtime is on this machine.
 * @returns {Promise<{include: string, library: string, peer: string | undefined, notices: [string, string][], version:
 * string}>} absolute
 *   paths; `peer` is onnxruntime-node's folder, `notices` are licence files with the names they get beside a copy of
 *   the library
 */
export async function ensureOnnxRuntime() {
  const sdk = process.env["COBRA_ORT_SDK"];
  if (sdk) {
    const library = ["libonnxruntime.so.1", "libonnxruntime.so"]
      .map((file) => resolve(sdk, "lib", file))
      .find(existsSync);
    const include = resolve(sdk, "include");
    if (!library || !existsSync(join(include, "onnxruntime_c_api.h"))) {
      throw new SetupError(
        `COBRA_ORT_SDK is "${sdk}", which must hold include/onnxruntime_c_api.h and lib/libonnxruntime.so.1; correct it or unset it`,
      );
    }
    return { include, library, peer: undefined, notices: [], version: ORT_VERSION };
  }
  const target = cacheRoot();
  if (!existsSync(join(target, "complete"))) {
    say(`staging ONNX Runtime ${ORT_VERSION} (about 260 MB are fetched, 100 MB kept in ${target})`);
    await stageInto(target, stageCore);
  }
  const notices = [
    ["LICENSE", "LICENSE.onnxruntime"],
    ["ThirdPartyNotices.txt", "ThirdPartyNotices.onnxruntime.txt"],
  ].map(([file, name]) => [join(target, file), name]);
  return {
    include: join(target, "include"),
    library: ownLibrary(target),
    peer: join(target, "peer/onnxruntime-node"),
    notices,
    version: ORT_VERSION,
  };
}

/** Stages the CUDA and TensorRT providers beside the addon's library: optional, about 180 MB fetched. */
export async function stageGpuProviders(addonFolder) {
  const target = join(cacheRoot(), "gpu");
  if (!existsSync(target)) {
    await stageInto(target, async (temporary) => {
      const folder = await fetchPackage(GPU_PROVIDERS, temporary);
      for (const file of readdirSync(folder, { recursive: true }).map(String)) {
        if (/libonnxruntime_providers_\w+\.so$/.test(file) && statSync(join(folder, file)).isFile()) {
          renameSync(join(folder, file), join(temporary, file.split("/").at(-1)));
        }
      }
      rmSync(folder, { recursive: true });
    });
  }
  for (const file of readdirSync(target)) {
    const elf = readFileSync(join(target, file));
    if (useOwnName(elf)) writeFileSync(join(addonFolder, file), elf);
    else copyFileSync(join(target, file), join(addonFolder, file));
  }
  return readdirSync(target);
}
