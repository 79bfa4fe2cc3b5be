/** Writes the pictures of pages, and their layers, each after its line in the journal. */
import { dirname, join } from "node:path";
import { removeLeftovers } from "../../io/files/atomic-file.js";
import { realPathOf } from "../../io/files/real-path.js";
import { layersFolder, numberedName } from "../../io/names/output-names.js";
import type { PageSink } from "../../io/page-sink.js";
import type { LayerRecord, PageEntry } from "../journal/entries.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import type { Notice } from "../../errors/notice.js";
import { sha256 } from "../../platform/sha256.js";
import { layerRecords, layersAreOwn } from "./layer-records.js";
import { isLink, OutputFiles, type FileDigest, type WrittenPlace } from "./output-files.js";
import { outdatedFiles } from "./outdated-files.js";
import { checkInside } from "./output-guard.js";
import { shownNames } from "../../text/shown.js";

/** A page's entry before it is known where its picture goes. */
export type PageFacts = Omit<PageEntry, "type" | "layers" | keyof FileDigest | "firstNumber">;

/** A picture and its layers as files, in the order of `LAYER_NAMES`. */
export interface PictureFiles {
  readonly bytes: Uint8Array;
  readonly layers?: readonly Uint8Array[];
}

export interface PageWriterOptions {
  readonly journal: LockedJournal;
  readonly sink: PageSink;
  readonly files: OutputFiles;
  /** The folder is an archive's work folder: every file in it is the run's own. */
  readonly workFolder: boolean;
  /** Of pages that had an outcome before, only files as they were written are replaced, whatever `files` says. */
  readonly keepsChanged: boolean;
}

export class PageWriter {
  readonly #options: PageWriterOptions;
  readonly #tidied = new Map<string, Promise<void>>();
  readonly #notices: Notice[] = [];
  readonly #outdated = new Set<string>();
  #replaced = 0;

  constructor(options: PageWriterOptions) {
    this.#options = options;
  }

  /** What people should know about files that were in the way. Each is given once. */
  takeNotices(): Notice[] {
    const count = this.#replaced;
    this.#replaced = 0;
    const pictures = count === 1 ? "1 picture" : `${count} pictures`;
    const message = `replaced ${pictures} from an earlier run with different settings or input; files that you have edited are never replaced`;
    const outdated = [...this.#outdated];
    this.#outdated.clear();
    const beside: Notice = {
      message: `files that were written with other settings lie beside the new pictures: ${shownNames(outdated)}`,
      remedy: "remove them if you do not need them",
    };
    return [
      ...this.#notices.splice(0),
      ...(count === 0 ? [] : [{ message }]),
      ...(outdated.length === 0 ? [] : [beside]),
    ];
  }

  /** Resolves to where the picture is, and its layers. Rejects with `ERR_OUTPUT_WRITE`. */
  async write(
    facts: PageFacts,
    { bytes, layers: layerFiles = [] }: PictureFiles,
  ): Promise<{ path: string; layers: readonly LayerRecord[] }> {
    const { journal, sink, workFolder } = this.#options;
    const { outputName } = facts;
    const files = this.#filesFor(facts.page);
    await this.#tidy(dirname(files.path(outputName)));
    const layers = await layerRecords(layerFiles);
    const content = { sha256: await sha256(bytes), sizeBytes: bytes.byteLength };
    const before = workFolder ? [] : journal.history.pictures(facts.page);
    const { number, replaces } = await this.#place(facts, content, layers, files);
    await journal.append({
      type: "page",
      ...facts,
      ...content,
      firstNumber: number,
      ...(layers.length === 0 ? {} : { layers }),
    });
    // Layers first: the picture's name is what says that all of the page is there.
    const name = numberedName(outputName, number);
    const beside = layersFolder(name);
    if (layers.length > 0) await this.#tidy(join(files.folder, beside));
    for (const [index, layer] of layers.entries()) await sink.replace(`${beside}/${layer.name}`, layerFiles[index]!);
    const isNew = replaces === undefined && !workFolder && files === this.#options.files;
    const path =
      isNew && !(files.overwrite && number > 0)
        ? await sink.write(layers.length === 0 ? outputName : name, bytes)
        : await sink.replace(name, bytes);
    const written = { path, outputName, hasLayers: layers.length > 0 };
    for (const file of await outdatedFiles(files, before, written)) this.#outdated.add(file);
    return { path, layers };
  }

  #filesFor(page: string): OutputFiles {
    const { journal, files, workFolder, keepsChanged } = this.#options;
    if (!keepsChanged || workFolder || !files.overwrite) return files;
    const { history } = journal;
    const hadOutcome = history.pictures(page).length > 0 || history.failed(page) !== undefined;
    return hadOutcome ? new OutputFiles(files.folder, false, files.isRead) : files;
  }

  async #place(
    { page, outputName, preview }: PageFacts,
    content: FileDigest,
    layers: readonly LayerRecord[],
    files: OutputFiles,
  ): Promise<WrittenPlace> {
    const { journal } = this.#options;
    const earlier = journal.history.pictures(page).filter((entry) => entry.outputName === outputName);
    const earlierLayers = earlier.flatMap((entry) => entry.layers ?? []);
    const place = await files.place(outputName, content, earlier, async (number) =>
      layers.length === 0 ? true : layersAreOwn(files.path(outputName, number), earlierLayers, layers),
    );
    const { number, replaces } = place;
    const path = files.path(outputName, number);
    if (files.overwrite && (await isLink(path))) {
      const message = `${path} was a link to ${await realPathOf(path)}, which stays as it is; it is a picture now`;
      this.#notices.push({ message });
    }
    if (files.overwrite || preview === true) return place;
    const last = earlier[0];
    const asked = Object.hasOwn(journal.history.adjustments.pages, page) || last?.preview === true;
    if (replaces !== undefined && replaces.sha256 !== content.sha256 && !asked) this.#replaced++;
    if (replaces === undefined && last !== undefined && number > last.firstNumber) {
      const kept = files.path(outputName, last.firstNumber);
      const why = (await files.isRead(kept))
        ? "is a reference of this run"
        : (await isLink(kept))
          ? "is a link"
          : "was changed after it was written";
      this.#notices.push({
        message: `${kept} ${why} and is kept; the new picture of ${page} is ${path}`,
      });
    }
    return place;
  }

  /** Once a folder: sees that it lies in the output, and removes what a killed run has left half-written. */
  #tidy(folder: string): Promise<void> {
    let tidied = this.#tidied.get(folder);
    if (tidied === undefined) {
      tidied = checkInside(this.#options.files.folder, folder).then(() => removeLeftovers(folder));
      this.#tidied.set(folder, tidied); // a folder that is refused is refused for each of its pages
    }
    return tidied;
  }
}
