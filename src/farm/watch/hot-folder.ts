/**
 * A folder into which people put chapters: what has stopped growing is handed out, once for each state. It is
 * looked at again and again instead of being watched by the system, because network folders tell nobody when a file
 * arrives.
 */
import { constants, type Stats } from "node:fs";
import { lstat, open, readdir, readlink, stat, type FileHandle } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode } from "../../errors.js";
import { liesWithin } from "../../io/files/real-path.js";
import { isForeign } from "./foreign-names.js";
import { isGone, kindOf, noFile, unreadable, type ChapterKind } from "./what-lies-there.js";

export interface HotFolderOptions {
  /** The folder. */
  readonly folder: string;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** A chapter must not have changed for so many milliseconds. */
  readonly quietMs: number;
  /** Folders for results: what is one of them or holds one, through links too, is never a chapter. */
  readonly except?: readonly string[];
  readonly signal: AbortSignal;
  /** Told why the folder cannot be read, once for each reason. Looking goes on: a share may come back. */
  readonly onFault?: (error: unknown) => void;
  /** Told once about what is left alone but could be meant as a chapter or a page, when it has rested. */
  readonly onOther?: (path: string, what: string) => void;
  /** Milliseconds that only rise. For tests. */
  readonly now?: () => number;
  /** What the system says of a file by its path. For tests. */
  readonly attributes?: (path: string) => Promise<Pick<Stats, "size" | "mtimeMs">>;
}

/** A chapter that has stopped growing. */
export interface ReadyChapter {
  readonly path: string;
  readonly kind: ChapterKind;
  /** Names, sizes and times: the same as long as nothing of it changes. */
  readonly state: string;
  /**
   * Whether it is as it was when it was handed out. One that is not is handed out again once it has stopped changing.
   * @param movedTo where it is, if it was moved
   */
  look(movedTo?: string): Promise<"same" | "changed" | "gone">;
  /** Hands it out again, unchanged, after a wait that doubles each time. @returns the wait in milliseconds */
  tryLater(): number;
}

type Attributes = Pick<Stats, "size" | "mtimeMs"> & { readonly ctimeMs?: number };
type AttributesOf = (path: string) => Promise<Attributes>;

interface Look {
  /** Names, sizes and times, which change while something is copied, as opened files tell them. */
  readonly openedState: string;
  /** Since when it is so. */
  readonly sinceMs: number;
  handedOut: boolean;
  /** Of what was handed out: the same by its paths, which costs less. */
  state: string | undefined;
  /** When it is to be handed out again; unless it changes, never. */
  againMs: number;
  /** How often that was so. */
  repeats: number;
}

const UNSEEN = { handedOut: false, state: undefined, againMs: Infinity, repeats: 0 };

/** After how many times `everyMs` a chapter is handed out again first, and how often that time doubles. */
const FIRST_REPEAT = 15;
const DOUBLINGS = 5;

/**
 * Chapters as they become ready: archives, folders and single pictures directly in the folder. One that changes after
 * it was handed out is handed out again, and so is one that is to be tried again. Ends with the signal.
 */
export async function* readyChapters(options: HotFolderOptions): AsyncGenerator<ReadyChapter> {
  const { folder, everyMs, quietMs, except = [], signal, now = () => performance.now() } = options;
  const attributes = options.attributes ?? ofPath;
  const looks = new Map<string, Look>();
  const places = new Places(folder, except);
  const others = new Map<string, { readonly what: string; readonly sinceMs: number; told: boolean }>();
  /** @param rested whether it has not changed for long enough */
  const sayOther = (name: string, what: string, rested = false): void => {
    const before = others.get(name);
    const other = before?.what === what ? before : { what, sinceMs: now(), told: false };
    others.set(name, other);
    if (other.told || !(rested || now() - other.sinceMs >= quietMs)) return;
    other.told = true;
    options.onOther?.(join(folder, name), what);
  };
  const names = namesReader(options);
  while (!signal.aborted) {
    const found = await names();
    if (found !== undefined) for (const known of [looks, places.known, others]) forgetOthers(known, found);
    for (const name of found ?? []) {
      const path = join(folder, name);
      if (await isForeign(path)) continue;
      const place = await places.of(name);
      if (place === "results") continue;
      if (place === "above") {
        sayOther(name, "leads to the folder that is watched, or to one that it lies in");
        continue;
      }
      const before = looks.get(name);
      if (before !== undefined && now() >= before.againMs) before.handedOut = false;
      if (before?.handedOut === true && (await stateOf(path, attributes).catch(() => undefined)) === before.state)
        continue;
      const lookedMs = now(); // before the reading: what changes after it is not quiet
      let fault: unknown;
      const openedState = await stateOf(path, ofOpened).catch((error: unknown) => void (fault = error));
      const what = openedState === undefined ? await noFile(path, fault) : undefined;
      if (what !== undefined) sayOther(name, what);
      if (openedState === undefined) looks.delete(name);
      else if (before?.openedState !== openedState) looks.set(name, { ...UNSEEN, openedState, sinceMs: now() });
      else if (before.handedOut || lookedMs - before.sinceMs >= quietMs) {
        before.state = await stateOf(path, attributes).catch(() => undefined);
        if (before.handedOut) continue;
        before.handedOut = true;
        before.againMs = Infinity;
        const kind = await kindOf(path).catch((error: unknown) => {
          looks.delete(name); // once it can be read, nothing else of it has changed
          return isGone(error) ? undefined : { what: unreadable(error) };
        });
        const look = lookAt(path, openedState, () => void looks.delete(name));
        const tryLater = (): number => {
          const waitMs = everyMs * FIRST_REPEAT * 2 ** Math.min(before.repeats++, DOUBLINGS);
          before.againMs = now() + waitMs;
          return waitMs;
        };
        if (typeof kind === "object") sayOther(name, kind.what, true);
        else if (kind !== undefined) yield { path, kind, state: openedState, look, tryLater };
        if (signal.aborted) return;
      }
    }
    await sleep(everyMs, undefined, { signal }).catch(() => {});
  }
}

/** @param again told when the chapter is another than the one that was handed out */
function lookAt(path: string, handedOut: string, again: () => void): ReadyChapter["look"] {
  return async (movedTo) => {
    const at = movedTo ?? path;
    const info = await lstat(at).catch((error: unknown) => (systemCode(error) === "ENOENT" ? undefined : "unknown"));
    const state = await stateOf(at, ofOpened).catch(() => undefined);
    const isSame = state === handedOut || (movedTo !== undefined && isSameMoved(state, handedOut));
    // A link that was moved may lead nowhere.
    const isMovedLink = movedTo !== undefined && typeof info === "object" && info.isSymbolicLink();
    if (isSame || isMovedLink) return "same";
    again();
    return info === undefined ? "gone" : "changed";
  };
}

function forgetOthers(known: Map<string, unknown>, names: readonly string[]): void {
  for (const name of known.keys()) if (!names.includes(name)) known.delete(name);
}

type Place = "chapter" | "results" | "above";

/** Tells what names lead to, through links too: a folder for results, the watched one, or what one of these lies in. */
class Places {
  /** By name, with the inode that had it: finding out takes a way up through all folders. */
  readonly known = new Map<string, { readonly inode: string; readonly place: Place }>();
  readonly #folder: string;
  readonly #results: readonly string[];

  constructor(folder: string, results: readonly string[]) {
    this.#folder = folder;
    this.#results = results;
  }

  async of(name: string): Promise<Place> {
    const path = join(this.#folder, name);
    const info = await lstat(path, { bigint: true }).catch(() => undefined);
    const inode = `${info?.dev} ${info?.ino} ${info?.mode}`;
    const before = this.known.get(name);
    if (before?.inode === inode) return before.place;
    const place = await this.#look(path);
    this.known.set(name, { inode, place });
    return place;
  }

  async #look(path: string): Promise<Place> {
    for (const results of this.#results) if (await liesWithin(results, path)) return "results";
    return (await liesWithin(this.#folder, path)) ? "above" : "chapter";
  }
}

/** Reads the folder's names; undefined where it cannot be read now. */
function namesReader({ folder, onFault }: HotFolderOptions): () => Promise<string[] | undefined> {
  let told = "";
  return async () => {
    try {
      const names = await readdir(folder);
      told = "";
      return names.toSorted();
    } catch (error) {
      if (String(error) !== told) onFault?.(error);
      told = String(error);
      return undefined;
    }
  };
}

/** By its path: what changes when its content does. */
async function ofPath(path: string): Promise<Attributes> {
  const { size, mtimeMs } = await stat(path);
  return { size, mtimeMs };
}

/**
 * A file by an open handle. Network file systems keep attributes for seconds (sshfs 20, NFS up to 60) in which a file
 * that grows seems not to, and ask the server when the file is opened; sshfs tells the answer at the next opening.
 */
async function ofOpened(path: string): Promise<Attributes> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === "EACCES") return stat(path); // it is handed out, and who reads it says so
    throw error;
  }
  try {
    return await file.stat();
  } finally {
    await file.close();
  }
}

/** Of a file, or of everything in a folder; undefined for what has no content yet, or is no file. */
async function stateOf(path: string, attributes: AttributesOf): Promise<string | undefined> {
  const info = await stat(path);
  if (info.isFile()) {
    const own = await attributes(path);
    return own.size === 0 ? undefined : stateLine("", "", own);
  }
  if (!info.isDirectory()) return undefined;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const others = entries.filter((entry) => !entry.isDirectory());
  const states: string[] = [];
  let files = 0;
  for (const other of others.map(({ parentPath, name }) => join(parentPath, name)).toSorted()) {
    const isFile = await stat(other).then(
      (one) => one.isFile(),
      () => false,
    );
    const link = await readlink(other).catch(() => "");
    if (isFile || link !== "") files++; // where it leads nowhere, the batch says so
    states.push(stateLine(relative(path, other), link, isFile ? await attributes(other) : undefined));
  }
  return files === 0 ? undefined : states.join("\n");
}

/** A name, where a link leads, a file's size and times; the last time is that of any change. */
function stateLine(name: string, link: string, attributes?: Attributes): string {
  const { size = 0, mtimeMs = 0, ctimeMs = 0 } = attributes ?? {};
  return JSON.stringify([name, link, size, mtimeMs, ctimeMs]);
}

/** The same but for what a move changes: a file's last time, and whether a relative link leads anywhere. */
function isSameMoved(state: string | undefined, before: string): boolean {
  const kept = (text: string): string[] =>
    text.split("\n").map((line) => {
      const [name, link, size, mtimeMs] = JSON.parse(line) as [string, string, number, number];
      return JSON.stringify(link === "" ? [name, size, mtimeMs] : [name, link]);
    });
  return state !== undefined && kept(state).join("\n") === kept(before).join("\n");
}
