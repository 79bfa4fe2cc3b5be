/** PyTorch's ZIP format (since 1.6): `<name>/data.pkl` and one stored entry `<name>/data/<key>` for each storage. */
import type { FileHandle } from "node:fs/promises";
import { messageOf } from "../../../errors.js";
import { DEFAULT_ARCHIVE_LIMITS, type ArchiveLimits } from "../../../io/archive/archive-limits.js";
import { FileRange, SubRange } from "../../../io/files/byte-source.js";
import { ZipArchive } from "../../../io/archive/zip-archive.js";
import type { ZipRecord } from "../../../io/archive/zip-contents.js";
import { normalizeEntryName } from "../../../io/names/safe-name.js";
import { quotedName } from "../../../text/shown.js";
import { PickleInput, type ReadAt } from "./pickle-input.js";
import { PickleFault, RESAVE_LITTLE_ENDIAN } from "./pickle-values.js";
import type { TorchStorage } from "./tensor.js";
import { storageBytes, torchRules } from "./torch-rules.js";
import { unpickle } from "./unpickler.js";

/** What a checkpoint file holds. */
export interface TorchLayout {
  /** The unpickled object. */
  readonly root: unknown;
  /** Where each storage begins, in bytes from the start of the file. */
  readonly places: ReadonlyMap<TorchStorage, number>;
}

/** Checkpoints are larger than any page, and their data is stored, not packed. */
const LIMITS: ArchiveLimits = {
  ...DEFAULT_ARCHIVE_LIMITS,
  maxEntries: 100_000,
  maxEntryBytes: Number.MAX_SAFE_INTEGER,
  maxTotalBytes: Number.MAX_SAFE_INTEGER,
};
/** A state dict's pickle has some 150 bytes a tensor. */
const MAX_PICKLE_BYTES = 2 ** 26;

/** Reads the archive's directory and its pickle; no storage. Throws PickleFault for what is refused. */
export async function readZipLayout(
  file: FileHandle,
  fileBytes: number,
  path: string,
  read: ReadAt,
): Promise<TorchLayout> {
  const archive = await ZipArchive.open(new FileRange(file, 0, fileBytes), path, LIMITS).catch((error: unknown) =>
    fault(messageOf(error)),
  );
  if (archive.faults.length > 0) fault(archive.faults.map(messageOf).join("; "));
  refuseEqualNames(archive.records);
  const records = new Map(archive.records.map((record) => [record.name, record]));
  const pickles = [...records.keys()].filter((name) => /^[^/]+\/data\.pkl$/u.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1)
    return fault(`it has ${pickles.length} entries <name>/data.pkl, and a checkpoint of PyTorch has one`);
  const folder = pickle.slice(0, -"data.pkl".length);
  if (records.has(`${folder}constants.pkl`))
    fault("it is a TorchScript program, not a checkpoint", "save the module's state_dict() instead");
  await checkByteOrder(archive, records.get(`${folder}byteorder`));

  const storages = new Map<string, TorchStorage>();
  const data = await storedAt(archive, records.get(pickle)!);
  if (data.bytes > MAX_PICKLE_BYTES)
    fault(`its data.pkl has ${data.bytes} bytes; a state dict has at most ${MAX_PICKLE_BYTES}`);
  const root = unpickle(new PickleInput(read, data.start, data.start + data.bytes), torchRules(storages));
  const places = new Map<TorchStorage, number>();
  for (const storage of storages.values()) {
    const record = records.get(`${folder}data/${storage.key}`);
    if (record === undefined) return fault(`it lacks the entry ${folder}data/${storage.key}, which its data.pkl names`);
    const { start, bytes } = await storedAt(archive, record);
    if (bytes !== storageBytes(storage))
      fault(`the entry ${record.name} has ${bytes} bytes, and its data.pkl says ${storageBytes(storage)}`);
    places.set(storage, start);
  }
  return { root, places };
}

/**
 * Of entries of one name, or of names that differ by case, it is chance which one PyTorch takes: its reader looks names
 * up by case-blind binary search.
 */
function refuseEqualNames(records: readonly ZipRecord[]): void {
  const seen = new Map<string, string>();
  for (const { rawName } of records) {
    const name = normalizeEntryName(Buffer.from(rawName).toString("utf8"));
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      fault(
        other === name
          ? `it has two entries ${quotedName(name)}, of which PyTorch reads any`
          : `its entries ${quotedName(other)} and ${quotedName(name)} differ by case alone, which PyTorch does not tell apart`,
      );
    seen.set(name.toLowerCase(), name);
  }
}

async function storedAt(archive: ZipArchive, record: ZipRecord): Promise<{ start: number; bytes: number }> {
  if (record.method !== 0)
    fault(
      `the entry ${record.name} is packed; PyTorch stores its entries. Unpack the file and save it again with torch.save`,
    );
  const range = await archive.range(record).catch((error: unknown) => fault(messageOf(error)));
  return { start: (range as SubRange).start, bytes: range.sizeBytes };
}

async function checkByteOrder(archive: ZipArchive, record: ZipRecord | undefined): Promise<void> {
  if (record === undefined || record.sizeBytes > 16) return;
  const order = Buffer.from(await archive.read(record).catch((error: unknown) => fault(messageOf(error)))).toString(
    "latin1",
  );
  if (order !== "little")
    fault(`its byte order is ${JSON.stringify(order)}; only "little" is read`, RESAVE_LITTLE_ENDIAN);
}

function fault(message: string, remedy?: string): never {
  throw new PickleFault(message, remedy);
}
