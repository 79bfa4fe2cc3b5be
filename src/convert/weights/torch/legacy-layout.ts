/**
 * PyTorch's format before 1.6: pickles of a magic number, a version, facts of the machine, the object and the keys of
 * its storages, then for each key its length (int64) and its elements. Source: `_legacy_save` in
 * torch/serialization.py.
 */
import { PickleInput, type ReadAt } from "./pickle-input.js";
import { PickleDict, PickleFault, PickleList, kindOf, RESAVE_LITTLE_ENDIAN } from "./pickle-values.js";
import type { TorchStorage } from "./tensor.js";
import { storageBytes, torchRules } from "./torch-rules.js";
import { unpickle } from "./unpickler.js";
import type { TorchLayout } from "./zip-layout.js";

/** How such a file begins: protocol 2, then the magic number as ten bytes. */
export const LEGACY_START = Uint8Array.of(
  0x80,
  0x02,
  0x8a,
  0x0a,
  0x6c,
  0xfc,
  0x9c,
  0x46,
  0xf9,
  0x20,
  0x6a,
  0xa8,
  0x50,
  0x19,
  0x2e,
);
const VERSION = 1001;

/** Reads the pickles and the storages' lengths; no storage. Throws PickleFault for what is refused. */
export function readLegacyLayout(fileBytes: number, read: ReadAt): TorchLayout {
  const storages = new Map<string, TorchStorage>();
  const input = new PickleInput(read, LEGACY_START.length, fileBytes);
  const next = (): unknown => unpickle(input, torchRules(storages));
  const version = next();
  if (version !== VERSION)
    throw new PickleFault(`its format version is ${kindOf(version)}, and only ${VERSION} is known`);
  const machine = next();
  if (machine instanceof PickleDict && machine.entries.get("little_endian") === false)
    throw new PickleFault("it was saved on a big-endian machine", RESAVE_LITTLE_ENDIAN);
  const root = next();
  const keys = next();
  if (!(keys instanceof PickleList)) throw new PickleFault(`its storages' keys are ${kindOf(keys)}`);
  const places = new Map<TorchStorage, number>();
  for (const key of keys.items) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (storage === undefined) throw new PickleFault(`it lists the storage ${kindOf(key)}, which nothing uses`);
    const header = input.take(8);
    if (header === undefined) throw new PickleFault(`it ends before the storage ${storage.key}; it is truncated`);
    const elements = new DataView(header.buffer, header.byteOffset, 8).getBigInt64(0, true);
    if (elements !== BigInt(storage.elements))
      throw new PickleFault(
        `the storage ${storage.key} has ${elements} elements, and its pickle says ${storage.elements}`,
      );
    places.set(storage, input.position);
    input.position += storageBytes(storage);
    if (input.position > fileBytes)
      throw new PickleFault(
        `the storage ${storage.key} ends at byte ${input.position}, and the file has ${fileBytes}; it is truncated`,
      );
  }
  const missing = [...storages.values()].find((storage) => !places.has(storage));
  if (missing !== undefined) throw new PickleFault(`it lacks the storage ${missing.key}`);
  return { root, places };
}
