/**
 * Finds the output of a chapter in a hot folder. The names of chapters return there: an output is continued only by a
 * chapter that has every name it was made from, and more than half of its pages unchanged, so that a few may be
 * corrected. Pages that were in colour already count too. Else the chapter gets an output of its own under a
 * numbered name.
 */
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { defaultOutput } from "../../core/output/default-output.js";
import { readArchiveMetadata } from "../../core/output/archive-metadata.js";
import { outputPath, workFolder, type OutputPaths } from "../../core/output/work-folder.js";
import { readJournal } from "../../core/journal/journal.js";
import type { CarriedOrigins } from "../../core/journal/entries.js";
import { JOURNAL_NAME } from "../../core/journal/locked-journal.js";
import { portableName } from "../../io/names/portable-names.js";
import { openPageSource } from "../../io/open-source.js";
import { chunksOf, type PageSource, type SourceEntry } from "../../io/page-source.js";
import { sha256OfChunks } from "../../platform/sha256.js";
import type { ReadyChapter } from "./hot-folder.js";
import { numberedChapter } from "./numbered-chapter.js";

/** Where a chapter's results go. */
export interface ChapterOutput {
  /** Number of the chapter's name there; 0 for the name as it is. */
  readonly number: number;
  readonly paths: OutputPaths;
  /** Opens a picture whose page has another name in the output. */
  readonly openInput?: (path: string) => Promise<PageSource>;
  /** What that page is called in the hot folder. */
  readonly pageName?: string;
  /** Why it has a number, for people. */
  readonly notice?: string;
}

/** A file that an output was made from. */
interface Origin {
  readonly name: string;
  readonly sha256: string;
  /** False for a file that was only copied; a picture among those is a page all the same. */
  readonly isPage: boolean;
}

/**
 * Finds it. What cannot be read gets the plain name: the batch says what is wrong. Rejects with `ERR_OUTPUT_UNSAFE`.
 * @param config with the output that a chapter of this name has
 */
export async function ownOutput(
  { path, kind }: Pick<ReadyChapter, "path" | "kind">,
  config: BatchConfig,
): Promise<ChapterOutput> {
  const { outputDir, outputZip } = config;
  const plain = outputDir === undefined ? { outputZip: outputZip! } : { outputDir };
  // Replacing is asked for; but a folder would keep pages of the other chapter.
  if (config.overwrite && kind !== "folder") return { number: 0, paths: plain };
  const source = await openPageSource(path, { recursive: config.recursive }).catch(() => undefined);
  if (source === undefined) return { number: 0, paths: plain };
  try {
    const files = new ChapterFiles(source);
    if (kind === "picture") return await pictureOutput(source, files, plain);
    for (let number = 0; ; number++) {
      const paths = numberedOutput(path, kind, number, plain);
      if (!(await files.continue(await originsOf(paths)))) continue;
      if (number === 0) return { number, paths };
      const [other, own] = [outputPath(plain), outputPath(paths)];
      const notice = `${other} holds results of another chapter of this name, so those of this one go to ${own}`;
      return { number, paths, notice };
    }
  } finally {
    await source.close();
  }
}

/** Single pictures share a folder: the page itself gets the number. */
async function pictureOutput(source: PageSource, files: ChapterFiles, paths: OutputPaths): Promise<ChapterOutput> {
  const [page] = source.entries();
  const name = page!.name;
  const origins = await originsOf(paths);
  for (let number = 0; ; number++) {
    const numbered = numberedChapter(name, "file", number);
    const own = origins.find((origin) => origin.name === numbered);
    if (own !== undefined && !(await files.has({ ...own, name }))) continue;
    if (number === 0) return { number, paths };
    const openInput = async (path: string): Promise<PageSource> => renamed(await openPageSource(path), name, numbered);
    const notice = `the results hold another picture of this name, so this one is ${numbered} there`;
    return { number, paths, openInput, pageName: name, notice };
  }
}

/** A source of one picture under another name. */
function renamed(source: PageSource, from: string, to: string): PageSource {
  const entries = source.entries().map((entry) => (entry.name === from ? { ...entry, name: to } : entry));
  return { path: source.path, entries: () => entries, faults: source.faults, close: () => source.close() };
}

function numberedOutput(path: string, kind: ReadyChapter["kind"], number: number, plain: OutputPaths): OutputPaths {
  if (number === 0) return plain;
  const name = numberedChapter(basename(path), kind === "folder" ? "folder" : "file", number);
  const output = defaultOutput(kind === "folder" ? { inputDir: name } : { inputZip: name });
  if ("outputDir" in output) return { outputDir: join(dirname(plain.outputDir!), basename(output.outputDir)) };
  return { outputZip: join(dirname(plain.outputZip!), basename(output.outputZip)) };
}

/** What an output was made from, as far as it tells: pages with a result, and files that were copied. */
async function originsOf(paths: OutputPaths): Promise<Origin[]> {
  const journal = await readJournal(join(workFolder(paths), JOURNAL_NAME));
  const origins = new Map<string, Origin>();
  let packed: Origin[] = [];
  for (const entry of journal?.entries ?? [])
    if (entry.type === "page") origins.set(entry.page, { name: entry.page, sha256: entry.inputSha256, isPage: true });
    else if (entry.type === "carried")
      origins.set(entry.name, { name: entry.name, sha256: entry.sha256, isPage: false });
    else if (entry.type === "archive") packed = carriedInto(entry.carried);
  if (origins.size > 0 || packed.length > 0 || paths.outputZip === undefined) return [...packed, ...origins.values()];
  const metadata = await readArchiveMetadata(paths.outputZip);
  const pages = metadata?.inputs.map(({ page, sha256 }) => ({ name: page, sha256, isPage: true })) ?? [];
  return [...pages, ...carriedInto(metadata?.carried)];
}

function carriedInto(carried: CarriedOrigins | undefined): Origin[] {
  return carried?.files.map((file) => ({ ...file, isPage: false })) ?? [];
}

/** The files of a chapter, each read at most once. */
class ChapterFiles {
  readonly #entries = new Map<string, SourceEntry>();
  readonly #hashes = new Map<SourceEntry, Promise<string | undefined>>();

  constructor(source: PageSource) {
    const unread = source.faults.flatMap(({ file }) => file ?? []);
    for (const entry of [...source.entries(), ...unread]) {
      this.#entries.set(portableName(entry.name), entry); // as copied files are called
      this.#entries.set(entry.name, entry);
    }
  }

  /** Whether all of these names are among them, and more than half of the pages unchanged. */
  async continue(origins: readonly Origin[]): Promise<boolean> {
    if (!origins.every(({ name }) => this.#entries.has(name))) return false;
    const pages = origins.filter(({ name, isPage }) => isPage || this.#entries.get(name)!.kind === "image");
    let same = 0;
    for (const page of pages) if (await this.has(page)) same++;
    return pages.length === 0 || 2 * same > pages.length;
  }

  /** Whether the file is among them, unchanged. */
  async has({ name, sha256 }: Origin): Promise<boolean> {
    const entry = this.#entries.get(name);
    return entry !== undefined && (await this.#hash(entry)) === sha256;
  }

  #hash(entry: SourceEntry): Promise<string | undefined> {
    let hash = this.#hashes.get(entry);
    if (hash === undefined) {
      hash = sha256OfChunks(chunksOf(entry)).then(
        ({ sha256 }) => sha256,
        () => undefined,
      );
      this.#hashes.set(entry, hash);
    }
    return hash;
  }
}
