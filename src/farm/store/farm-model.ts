/**
 * The model that a store offers to machines that have none. A package is files by hash like all others: its manifest is
 * named by the model's own hash, and names the rest.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ModelError } from "../../errors.js";
import { MANIFEST_FILE, parseManifest } from "../../model/manifest.js";
import { openModelPackage, stylesOf, type ModelPackage } from "../../model/package.js";
import { sha256OfChunks } from "../../platform/sha256.js";
import type { OfferedModel } from "./offered-model.js";
import type { RemoteStore } from "./remote-store.js";
import type { SharedStore } from "./shared-store.js";

/** Puts a package's files into a store's folder; those that are there stay. The package must have been verified. */
export async function offerModel(
  store: SharedStore,
  { directory, hash, manifest }: ModelPackage,
): Promise<OfferedModel> {
  for (const [name, { sha256 }] of Object.entries(manifest.files)) await store.keepFile(join(directory, name), sha256);
  await store.keepFile(join(directory, MANIFEST_FILE), hash);
  const { name, version, trained } = manifest;
  return { hash, name, version, trained };
}

/**
 * What is known of the model that a store offers, from its manifest alone; it has no folder.
 * @throws ModelError `ERR_MODEL_*`; errors of the store
 */
export async function readOffered(
  store: RemoteStore,
  { hash }: OfferedModel,
): Promise<Pick<ModelPackage, "directory" | "hash" | "manifest" | "styles">> {
  const json = Buffer.from(await store.read(hash, true)).toString("utf8");
  const manifest = parseManifest(json, `the manifest ${hash} of the store`);
  return { directory: "", hash, manifest, styles: stylesOf(manifest) };
}

/**
 * Fetches the model that a store offers, once a machine. Whole files of a fetch that was cut off are not fetched again.
 * One process at a time may do it.
 * @param folder of this machine for such models
 * @param onFetch told before the first file
 * @returns folder of the package, verified
 * @throws ModelError `ERR_MODEL_*`; errors of the store
 */
export async function fetchModel(
  store: RemoteStore,
  offered: OfferedModel,
  folder: string,
  onFetch: (bytes: number) => void,
): Promise<string> {
  const directory = join(folder, offered.hash);
  if (await isPackage(directory, offered.hash)) return directory;
  const manifest = await store.read(offered.hash, true);
  const { files } = parseManifest(Buffer.from(manifest).toString("utf8"), `the manifest ${offered.hash} of the store`);
  onFetch(Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0));
  const part = `${directory}.part`;
  await mkdir(part, { recursive: true });
  for (const [name, { bytes, sha256 }] of Object.entries(files)) {
    const path = join(part, name);
    if (!(await isWhole(path, bytes, sha256))) await store.copyTo(path, { hash: sha256, bytes });
  }
  await writeFile(join(part, MANIFEST_FILE), manifest);
  await rename(part, directory);
  await openModelPackage(directory, { verify: false });
  return directory;
}

/** Whether a package of this hash is there, with files of the right lengths. The engine checks their hashes. */
async function isPackage(directory: string, hash: string): Promise<boolean> {
  const manifest = await readFile(join(directory, MANIFEST_FILE)).catch(() => undefined);
  if (manifest === undefined || createHash("sha256").update(manifest).digest("hex") !== hash) return false;
  return openModelPackage(directory, { verify: false }).then(
    () => true,
    (error: unknown) => {
      throw error instanceof ModelError
        ? new ModelError(error.code, error.message, { cause: error, remedy: `delete ${directory}; it is fetched anew` })
        : error;
    },
  );
}

async function isWhole(path: string, bytes: number, hash: string): Promise<boolean> {
  const size = await stat(path).then(
    (found) => found.size,
    () => -1,
  );
  return size === bytes && (await sha256OfChunks(createReadStream(path))).sha256 === hash;
}
