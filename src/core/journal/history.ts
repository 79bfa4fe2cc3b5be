/**
 * Derives a run's state from its journal: which pages are done, which have failed, which settings were changed after
 * the start, whether a preview waits, and which pages may have ended a process. Pure: it knows entries and no files.
 */
import { isDeepStrictEqual } from "node:util";
import { withoutUndefined } from "../../config/without-undefined.js";
import { PAGE_SETTINGS, type PageConfig } from "../../config/batch-config.js";
import type { PageFailure, PreviewResult } from "../events.js";
import { isSamePlace, type Place } from "./place.js";
import { addExit, crashPolicyOf, type ExitCounts, type CrashPolicy } from "./crash-evidence.js";
import type {
  Adjustments,
  ArchiveEntry,
  CarriedEntry,
  JournalEntry,
  PageEntry,
  PageInHand,
  PageKey,
  PreviewState,
  RunRecord,
} from "./entries.js";

type DiedEntry = Extract<JournalEntry, { type: "died" }>;

/** A page that was in progress when processes ended, since its last outcome. */
interface Suspect extends PageKey {
  readonly counts: ExitCounts;
}

export class RunHistory {
  readonly #pages = new Map<string, PageEntry>();
  /** All pictures of each page, whatever their settings, the last one at the end. */
  readonly #pictures = new Map<string, PageEntry[]>();
  /** Pages with a picture since the last `forget`. */
  readonly #done = new Set<string>();
  readonly #failed = new Map<string, PageKey & { readonly failure: PageFailure }>();
  readonly #carried = new Map<string, CarriedEntry[]>();
  readonly #archives: ArchiveEntry[] = [];
  /** Pages with a picture that no archive has yet, with the hashes of their files. */
  readonly #unpacked = new Map<string, string>();
  #packed: ReadonlySet<string> = new Set();
  readonly #retried = new Set<string>();
  readonly #gone = new Set<string>();
  readonly #inHand = new Map<string, PageInHand>();
  readonly #suspects = new Map<string, Suspect>();
  /** The hash of each page's file, as it was read last. */
  readonly #inputs = new Map<string, string>();
  #record: RunRecord | undefined;
  #place: Place | undefined;
  #changesOfAll: PageConfig = {};
  readonly #changesOfPages = new Map<string, PageConfig>();
  /** The same as one value, made when it is asked for. */
  #adjustments: Adjustments | undefined;
  #preview: { state: PreviewState; result: PreviewResult | undefined } | undefined;

  constructor(entries: Iterable<JournalEntry> = []) {
    for (const entry of entries) this.note(entry);
  }

  /** What the last run was asked for; undefined for a journal of version 0.1.0 and an empty one. */
  get record(): RunRecord | undefined {
    return this.#record;
  }

  /** Where the record was written; undefined if nothing is known of it. */
  get place(): Place | undefined {
    return this.#place;
  }

  get adjustments(): Adjustments {
    return (this.#adjustments ??= { all: this.#changesOfAll, pages: Object.fromEntries(this.#changesOfPages) });
  }

  get preview(): { readonly state: PreviewState; readonly result: PreviewResult | undefined } | undefined {
    return this.#preview;
  }

  /** The archives that were written or were about to be, the last one first. */
  get archives(): readonly ArchiveEntry[] {
    return this.#archives.toReversed();
  }

  /** Names of the pages whose last try has failed. */
  get failedPages(): string[] {
    return [...this.#failed.keys()];
  }

  /** Names of the pages that have a picture. */
  get donePages(): string[] {
    return [...this.#done].filter((page) => !this.#failed.has(page));
  }

  /** Whether a later run gains from it. */
  get worthKeeping(): boolean {
    return this.#pictures.size + this.#suspects.size + this.#failed.size > 0 || this.#preview !== undefined;
  }

  /** The picture of a page with the same settings. */
  done(page: string, fingerprint: string): PageEntry | undefined {
    return this.#pages.get(keyOf(page, fingerprint));
  }

  /** The last picture of a page, whatever its settings. */
  last(page: string): PageEntry | undefined {
    return this.#done.has(page) ? this.#pictures.get(page)?.at(-1) : undefined;
  }

  /** All pictures that a page has had, the last one first: a kill may have left an earlier one in its place. */
  pictures(page: string): readonly PageEntry[] {
    return this.#pictures.get(page)?.toReversed() ?? [];
  }

  /** All pictures of all pages, those of earlier inputs too. */
  get allPictures(): readonly PageEntry[] {
    return [...this.#pictures.values()].flat();
  }

  /** Pages of the last archive. Some of them may have been forgotten since. */
  get packedPages(): ReadonlySet<string> {
    return this.#packed;
  }

  /** Pages whose pictures somebody has taken out of the archive, and that were not done again since. */
  get gonePages(): readonly string[] {
    return [...this.#gone];
  }

  /** Pages that were to be done again alone, in this work folder. */
  get retried(): readonly string[] {
    return [...this.#retried];
  }

  /** Hashes of the files that the last pictures were made from. */
  inputHashes(): string[] {
    return [...this.#done].map((page) => this.last(page)!.inputSha256);
  }

  /**
   * Pages whose pictures are in no archive yet, or are shown by a preview that waits, with the hashes of their files
   * ("" where that is unknown). Empty if all that was done is packed, or was rejected.
   */
  get unfinished(): ReadonlyMap<string, string> {
    const { pages = [], seeds } = this.#preview?.state === "waiting" ? (this.#preview.result ?? {}) : {};
    const shown = [...pages, ...(seeds?.pictures ?? [])].map(({ page }) => page);
    return new Map([...shown.map((page) => [page, this.#inputs.get(page) ?? ""] as const), ...this.#unpacked]);
  }

  failed(page: string): (PageKey & { readonly failure: PageFailure }) | undefined {
    return this.#failed.get(page);
  }

  /** Pages that were read, with the SHA-256 of their files. */
  get inputs(): ReadonlyMap<string, string> {
    return this.#inputs;
  }

  /** All copies of another file of the input, the last one first. */
  carried(name: string): readonly CarriedEntry[] {
    return this.#carried.get(name)?.toReversed() ?? [];
  }

  /** Pages that are in progress, as far as the journal tells. */
  get inHand(): readonly PageInHand[] {
    return [...this.#inHand.values()];
  }

  /**
   * How a page is done next, after what happened while it was in progress.
   * @param inputSha256 of the page's file, if it is known: another file is another page
   */
  crashPolicy(page: string, fingerprint: string, inputSha256?: string): CrashPolicy {
    const suspect = this.#suspects.get(keyOf(page, fingerprint));
    const same = inputSha256 === undefined || suspect?.inputSha256 === inputSha256;
    return crashPolicyOf(same ? suspect?.counts : undefined);
  }

  note(entry: JournalEntry): void {
    if ("inputSha256" in entry && entry.inputSha256 !== "") this.#inputs.set(entry.page, entry.inputSha256);
    switch (entry.type) {
      case "run":
        this.#begin(entry.record, entry.place);
        break;
      case "forget":
        this.#forget();
        break;
      case "page":
        this.#pages.set(keyOf(entry.page, entry.fingerprint), entry);
        append(this.#pictures, entry.page, entry);
        this.#done.add(entry.page);
        this.#unpacked.set(entry.page, entry.inputSha256);
        this.#gone.delete(entry.page);
        this.#outcome(entry);
        this.#failed.delete(entry.page);
        break;
      case "begin":
        this.#inHand.set(keyOf(entry.page, entry.fingerprint), entry);
        break;
      case "failed":
        this.#inHand.delete(keyOf(entry.page, entry.fingerprint));
        if (this.crashPolicy(entry.page, entry.fingerprint).kind !== "quarantined") this.#outcome(entry);
        this.#failed.set(entry.page, entry);
        break;
      case "died":
        this.#inHand.clear();
        for (const page of entry.pages) this.#suspect(page, entry);
        break;
      case "retry":
        this.#acquit(new Set(entry.pages));
        for (const page of entry.pages) this.#retried.add(page);
        break;
      case "adjust":
        this.#adjust(entry.page, entry.settings);
        break;
      case "preview":
        this.#preview = { state: entry.state, result: entry.result ?? this.#preview?.result };
        if (entry.state === "rejected") this.#unpacked.clear();
        if (entry.settings !== undefined) this.#adjust(undefined, entry.settings);
        break;
      case "carried":
        append(this.#carried, entry.name, entry);
        break;
      case "archive":
        this.#archives.push(entry);
        this.#unpacked.clear();
        this.#packed = new Set([...this.#done, ...(entry.gone ?? [])]);
        for (const page of entry.gone ?? []) if (!this.#done.has(page)) this.#gone.add(page);
        break;
    }
  }

  /** A command that asks for other pictures drops what was changed for them after the start of the one before. */
  #begin(record: RunRecord, place: Place | undefined): void {
    this.#inHand.clear();
    if (this.#record !== undefined) {
      if (!asksForSamePictures(this.#record, record)) this.#dropChanges(changesThatStay(this, this.#record, record));
      if (place !== undefined && !isSamePlace(this.#place, place)) this.#dropNamedFiles();
    }
    this.#record = record;
    this.#place = place;
  }

  /** Changes that were written elsewhere name no files. */
  #dropNamedFiles(): void {
    this.#changesOfAll = withoutFiles(this.#changesOfAll);
    for (const [page, settings] of this.#changesOfPages) this.#changesOfPages.set(page, withoutFiles(settings));
    this.#adjustments = undefined;
  }

  #dropChanges({ all, pages }: Adjustments = { all: {}, pages: {} }): void {
    this.#changesOfAll = all;
    this.#changesOfPages.clear();
    for (const [page, settings] of Object.entries(pages)) this.#changesOfPages.set(page, settings);
    this.#adjustments = undefined;
    this.#preview = undefined;
  }

  #forget(): void {
    this.#dropChanges();
    this.#record = undefined;
    this.#place = undefined;
    const results = [
      this.#retried,
      this.#pages,
      this.#done,
      this.#failed,
      this.#gone,
      this.#inHand,
      this.#suspects,
      this.#unpacked,
    ];
    for (const result of results) result.clear();
  }

  #outcome({ page, fingerprint }: PageKey): void {
    this.#inHand.delete(keyOf(page, fingerprint));
    this.#suspects.delete(keyOf(page, fingerprint));
  }

  #suspect(page: PageInHand, { cause = "unknown", alone, pages }: DiedEntry): void {
    const key = keyOf(page.page, page.fingerprint);
    const before = this.#suspects.get(key);
    const counts = before?.inputSha256 === page.inputSha256 ? before.counts : undefined;
    const death = { cause, stage: page.stage, alone: alone ?? pages.length === 1 };
    this.#suspects.set(key, { ...page, counts: addExit(counts, death) });
  }

  /** Pages that are to be tried again as if nothing had happened. */
  #acquit(pages: ReadonlySet<string>): void {
    for (const [key, { page }] of this.#suspects) if (pages.has(page)) this.#suspects.delete(key);
  }

  #adjust(page: string | undefined, settings: PageConfig): void {
    if (page === undefined) this.#changesOfAll = { ...this.#changesOfAll, ...settings };
    else this.#changesOfPages.set(page, { ...this.#changesOfPages.get(page), ...settings });
    this.#adjustments = undefined;
  }
}

type Asked = Pick<RunRecord, "config" | "pageConfigs">;

/** Whether two commands ask for the same pictures: the same settings, references and settings of single pages. */
export function asksForSamePictures(a: Asked, b: Asked): boolean {
  return (
    asksForSameOfAll(a, b) && isSame([...picturesAsked(a)].toSorted(byName), [...picturesAsked(b)].toSorted(byName))
  );
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** Settings of single pages that decide about their pictures; pages without any are left out. */
function picturesAsked({ pageConfigs }: Asked): Map<string, PageConfig> {
  const asked = Object.entries(pageConfigs).map(([page, { imageType: _type, ...settings }]) => {
    return [page, withoutUndefined(settings)] as const;
  });
  return new Map(asked.filter(([, settings]) => Object.keys(settings).length > 0));
}

/** The same, but for settings of single pages. */
function asksForSameOfAll(a: Asked, b: Asked): boolean {
  const asked = ({ config }: Asked): unknown => [PAGE_SETTINGS.map((key) => config[key]), config.referenceImages];
  return isSame(asked(a), asked(b));
}

/** As JSON has it: members that are undefined do not count. */
function isSame(a: unknown, b: unknown): boolean {
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
  return isDeepStrictEqual(plain(a), plain(b));
}

/**
 * What was changed after the start of a run and stays when another command begins: all of it but for pages of which the
 * command asks for something else than before; nothing where it does so of all pages.
 */
export function changesThatStay(
  { adjustments }: { readonly adjustments: Adjustments },
  a: Asked,
  b: Asked,
): Adjustments {
  if (!asksForSameOfAll(a, b)) return { all: {}, pages: {} };
  const [before, now] = [picturesAsked(a), picturesAsked(b)];
  const stay = Object.entries(adjustments.pages).filter(([page]) => isSame(before.get(page), now.get(page)));
  // What is asked for now goes before what was changed for all pages.
  const asked = [...now]
    .filter(([page, settings]) => !isSame(before.get(page), settings))
    .map(([page, settings]) => {
      const changed = Object.entries(settings).filter(([key]) => Object.hasOwn(adjustments.all, key));
      return [page, Object.fromEntries(changed) as PageConfig] as const;
    })
    .filter(([, settings]) => Object.keys(settings).length > 0);
  return { all: adjustments.all, pages: Object.fromEntries([...stay, ...asked]) };
}

/** Whether settings name files: references, or a picture of hints. */
export function namesFiles({ referenceImages, colorHints }: PageConfig): boolean {
  return referenceImages !== undefined || typeof colorHints === "string";
}

function withoutFiles(settings: PageConfig): PageConfig {
  if (!namesFiles(settings)) return settings;
  const { referenceImages: _references, colorHints, ...others } = settings;
  return colorHints === undefined || typeof colorHints === "string" ? others : { ...others, colorHints };
}

/** A page's changed settings: those of all pages, with its own over them. */
export function adjustedSettings({ all, pages }: Adjustments, page: string): PageConfig {
  return { ...all, ...pages[page] };
}

function keyOf(page: string, fingerprint: string): string {
  return `${fingerprint} ${page}`;
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
