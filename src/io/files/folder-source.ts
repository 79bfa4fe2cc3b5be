/**
 * A folder as a page source: listed once, in natural order, files read on demand. Names are the bytes they are on disk;
 * they are decoded to text for people.
 */
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { ValidationError } from "../../errors.js";
import { turn } from "../../concurrency/take-turns.js";
import { contentKind } from "../content-kind.js";
import { sniffBytes, type ImageFormat } from "../image/headers/image-format.js";
import { isArchiveName, isJunkName, kindOfName, type EntryKind } from "../names/entry-rules.js";
import { diskNames } from "../names/disk-names.js";
import { isPartlyDecoded, partlyDecoded } from "../names/name-encoding.js";
import { FreeNames } from "../names/free-names.js";
import { sortedNaturally } from "../names/natural-order.js";
import { numberedName } from "../names/output-names.js";
import { METADATA_NAME } from "../names/output-rules.js";
import { sortInTurns } from "../names/sort-in-turns.js";
import type { PageSource, SourceEntry, SourceFault, SourceNotice } from "../page-source.js";
import { eachConcurrent } from "./each-concurrent.js";
import { inputError } from "./file-errors.js";
import { fileVersion } from "./file-version.js";
import { fileChunks, readHead, readWhole, specialFile } from "./read-file.js";
import { liesWithin } from "./real-path.js";

/** Files whose first bytes are read at once. */
const HEADS_AT_ONCE = 16;

/**
 * Lists a folder. Rejects with `ERR_INPUT_NOT_FOUND` or, without any picture, `ERR_INPUT_EMPTY`.
 * @param within what really lies outside of this folder is a fault
 */
export async function openFolderSource(path: string, recursive: boolean, within?: string): Promise<PageSource> {
  const listing: Listing = {
    root: path,
    recursive,
    within,
    files: [],
    faults: [],
    warnings: [],
    unreadFolders: [],
    visited: new Set(),
  };
  await list(listing, Buffer.from(path), "");
  const { faults, warnings, unreadFolders } = listing;
  const entries = await sortedNaturally(await judged(listing), ({ name }) => name);
  if (!entries.some((entry) => entry.kind === "image")) {
    const hint = recursive ? "" : " (folders inside it are only read with the recursive option)";
    const archive = entries.find(({ name }) => isArchiveName(name));
    const remedy =
      archive === undefined
        ? "PNG, JPEG, WebP, TIFF, AVIF and GIF are read"
        : `archives in a folder are not opened: give ${archive.name} itself as the input`;
    const [fault] = faults;
    const first = fault === undefined ? "" : `; ${faults.length} cannot be used, the first: ${fault.error.message}`;
    throw new ValidationError("ERR_INPUT_EMPTY", `${path} holds no picture${hint}; ${remedy}${first}`);
  }
  return { path, entries: () => entries, faults, warnings, unreadFolders, close: async () => {} };
}

/** A file on disk, found by a listing. */
interface ListedFile {
  readonly name: string;
  readonly path: Buffer;
  readonly sizeBytes: number;
  readonly version: string;
}

interface Listing {
  /** The folder that is the input. */
  readonly root: string;
  readonly recursive: boolean;
  readonly within: string | undefined;
  readonly files: ListedFile[];
  readonly faults: SourceFault[];
  readonly warnings: SourceNotice[];
  readonly unreadFolders: string[];
  /** Real paths of the folders listed, so that a link to a parent ends. */
  readonly visited: Set<string>;
}

async function list(listing: Listing, path: Buffer, folder: string): Promise<void> {
  const unreadable = (cause: unknown): Promise<never> => Promise.reject(inputError(path.toString(), cause));
  const real = (await realpath(path, { encoding: "buffer" }).catch(unreadable)).toString("latin1");
  if (listing.visited.has(real)) return;
  listing.visited.add(real);
  const found = await readdir(path, { encoding: "buffer" }).catch(unreadable);
  const labels = await sortInTurns(found, (label) => label, Buffer.compare);
  for (const [label, bytes] of await diskNames(labels)) {
    const name = folder === "" ? label : `${folder}/${label}`;
    if (isJunkName(label)) continue;
    if (isPartlyDecoded(label, bytes)) listing.warnings.push(partlyDecoded(`"${name}" in ${listing.root}`));
    const place = Buffer.concat([path, Buffer.from("/"), bytes]);
    try {
      await visit(listing, place, name);
    } catch (error) {
      const fault = error instanceof ValidationError ? error : inputError(place.toString(), error);
      listing.faults.push({ name, error: fault });
    }
  }
}

async function visit(listing: Listing, path: Buffer, name: string): Promise<void> {
  const info = await stat(path, { bigint: true });
  if (listing.within !== undefined && (await leadsOut(path, listing.within)))
    throw new ValidationError(
      "ERR_INPUT_NOT_FOUND",
      `${name} is a link that leads out of the folder; to use it, put the file itself there`,
    );
  if (info.isFile())
    listing.files.push({
      name,
      path,
      sizeBytes: Number(info.size),
      version: fileVersion(info),
    });
  else if (!info.isDirectory())
    throw new ValidationError(
      "ERR_INPUT_NOT_FOUND",
      `cannot read ${path.toString()}: it is ${specialFile(info)}, neither a file nor a folder`,
      { remedy: "take it out of the input" },
    );
  else if (isJunkName(name, true) && (await isRunState(path, name))) return;
  else if (listing.recursive) await list(listing, path, name);
  else if (await holdsPictures(path)) listing.unreadFolders.push(name);
}

/** What the state of a run has; a folder without any of it only has such a name. */
const STATE_FILES = ["journal.ndjson", "lease", "shards"];

/** Whether a folder that is called like something to be left out is that. */
async function isRunState(path: Buffer, name: string): Promise<boolean> {
  if (isJunkName(name) || /\.done$/iu.test(name)) return true;
  const names = await readdir(path).catch(() => STATE_FILES);
  return names.length === 0 || names.some((one) => STATE_FILES.includes(one));
}

/** Whether names in a folder promise pictures. Those of an earlier run's results do not count. */
async function holdsPictures(path: Buffer): Promise<boolean> {
  const names: string[] = await readdir(path).catch(() => []);
  const isResult = names.includes(METADATA_NAME) || names.some((name) => isJunkName(name, true) && !isJunkName(name));
  return !isResult && names.some((name) => kindOfName(name) === "image" && !isJunkName(name));
}

/**
 * Whether a path is a link to something outside the input. Pages may be such links; other files are copied to the
 * output unseen, and a link could let any file of the machine out.
 */
async function leadsOut(path: Buffer, root: string): Promise<boolean> {
  return (await lstat(path)).isSymbolicLink() && !(await liesWithin(path.toString(), root));
}

/** A file that is listed, but cannot be copied. */
function unreadable(path: Buffer): Pick<SourceEntry, "read" | "chunks"> {
  const refuse = (): never => {
    throw new ValidationError(
      "ERR_INPUT_NOT_FOUND",
      `${path.toString()} is a link that leads out of the input; to copy the file, put it into the input itself`,
    );
  };
  return {
    read: async () => refuse(),
    // oxlint-disable-next-line require-yield -- it ends before its first piece
    chunks: async function* () {
      refuse();
    },
  };
}

/** The files with what they are by their first bytes; junk is left out, pictures that are not read become faults. */
async function judged({ files, faults, warnings, root }: Listing): Promise<SourceEntry[]> {
  const found: (SourceEntry | SourceFault | undefined)[] = Array.from({ length: files.length });
  const told: (SourceNotice | undefined)[] = [];
  await eachConcurrent(files, HEADS_AT_ONCE, async ({ path, ...file }, index) => {
    await turn();
    const content = contentKind(file, await readHead(path, sniffBytes(file.name)).catch(() => undefined));
    if ("junk" in content) return;
    const entry = async (kind: EntryKind, format?: ImageFormat): Promise<SourceEntry> =>
      kind === "other" && (await leadsOut(path, root))
        ? { ...file, kind, format, ...unreadable(path) }
        : { ...file, kind, format, read: () => readWhole(path), chunks: () => fileChunks(path) };
    if ("unsupported" in content) {
      found[index] = { name: file.name, error: content.unsupported, file: await entry("other") };
      return;
    }
    const { kind, format, warning } = content;
    told[index] = warning;
    found[index] = await entry(kind, format);
  });
  warnings.push(...told.filter((warning) => warning !== undefined));
  const names = new FreeNames({ numbered: numberedName });
  const entries: SourceEntry[] = [];
  for (const one of found) {
    await turn();
    if (one === undefined) continue;
    if ("error" in one) faults.push({ ...one, file: { ...one.file!, name: names.take(one.name) } });
    else entries.push({ ...one, name: names.take(one.name) });
  }
  return entries;
}
