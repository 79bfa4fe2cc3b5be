/**
 * Names of results: `<stem>_colorized<ext>`, folders mirrored or flat, never two of the same name. Pure functions over
 * names.
 */
import { turn } from "../../concurrency/take-turns.js";
import { outputExtension, type WrittenFormat } from "../image/encode/output-format.js";
import type { ImageFormat } from "../image/headers/image-format.js";
import { extensionOf } from "./entry-rules.js";
import { FreeNames } from "./free-names.js";
import { fitLabel, nameKey, portableLabel, portableName } from "./portable-names.js";
import { keepsReadingOrder } from "./reading-order.js";

/** A picture of an input, with its format where its name does not tell. */
export interface NamedPicture {
  readonly name: string;
  readonly format?: ImageFormat | undefined;
}

export interface OutputNameOptions {
  /** Mirror the input's folders. Default true; false puts every result side by side. */
  readonly preserveStructure?: boolean;
  /** Format of all results; without it each page keeps its own where that is written (GIF becomes PNG). */
  readonly format?: WrittenFormat | undefined;
  /** Results differ in more than their extensions: each has a folder of layers beside it. Default false. */
  readonly layerFolders?: boolean;
  /**
   * The results go into an archive, whose pages readers sort by name. Default false. Where `_colorized` would change
   * the order of the pages, all of them keep their own names.
   */
  readonly archive?: boolean;
}

const SUFFIX = "_colorized";
/** What looks like an extension; others, as in `Vol. 1` and `1.png?w=800`, are a part of the name. */
const EXTENSION = /^\.[a-z][a-z0-9]{0,4}$/u;

/** `a/001.jpg` → `a/001_colorized.jpg`. */
export function colorizedName(picture: NamedPicture | string, format?: WrittenFormat, suffix = SUFFIX): string {
  const given = typeof picture === "string" ? { name: picture } : picture;
  const slash = given.name.lastIndexOf("/") + 1;
  const base = portableLabel(given.name.slice(slash));
  const own = extensionOf(base);
  const stem = EXTENSION.test(own) ? base.slice(0, base.length - own.length) : base;
  const label = fitLabel(stem, suffix + outputExtension(base, format, given.format));
  return portableName(given.name.slice(0, slash) + label);
}

/** Whether two results' names are the same but for `_colorized`, which archives of earlier versions always had. */
export function differBySuffix(a: string, b: string): boolean {
  return a !== b && withoutSuffix(a) === withoutSuffix(b);
}

function withoutSuffix(name: string): string {
  const stem = name.slice(0, name.length - extensionOf(name).length);
  return (stem.endsWith(SUFFIX) ? stem.slice(0, -SUFFIX.length) : stem) + name.slice(stem.length);
}

/** Puts a number in front of the extension: `a/x.png`, 2 → `a/x_2.png`. */
export function numberedName(name: string, n: number): string {
  const cut = name.length - extensionOf(name).length;
  return n === 0 ? name : `${name.slice(0, cut)}_${n}${name.slice(cut)}`;
}

/** The number that a name has, compared with one without: 0 for the same name, undefined for any other name. */
export function numberIn(name: string, base: string): number | undefined {
  const number = name === base ? 0 : Number(/_([1-9]\d{0,8})(?:\.[^.]*)?$/u.exec(name)?.[1] ?? Number.NaN);
  return numberedName(base, number) === name ? number : undefined;
}

/**
 * The results' names for all pictures of an input, in their order; no two are equal, nor equal but for case. The plan
 * depends on the pictures' names and order only, so that a run that goes on later gives the same names. Flat names that
 * would meet carry their folders: `a/001.png` and `b/001.png` become `a_001_colorized.png` and `b_001_colorized.png`.
 */
export async function planOutputNames(
  pictures: readonly (NamedPicture | string)[],
  options: OutputNameOptions = {},
): Promise<string[]> {
  const given = pictures.map((picture) => (typeof picture === "string" ? { name: picture } : picture));
  const planned = await planWithSuffix(given, options, SUFFIX);
  if (options.archive !== true) return planned;
  const plain = await planWithSuffix(given, options, "");
  const flat = options.preserveStructure === false;
  const names = given.map(({ name }, index) => (flat ? plain[index]! : name));
  return (await keepsReadingOrder(names, planned)) ? planned : plain;
}

async function planWithSuffix(
  pictures: readonly NamedPicture[],
  { preserveStructure = true, format, layerFolders = false }: OutputNameOptions,
  suffix: string,
): Promise<string[]> {
  const nameOf = (picture: NamedPicture, name: string): string => colorizedName({ ...picture, name }, format, suffix);
  const wanted: string[] = [];
  for (const picture of pictures) {
    await turn();
    const { name } = picture;
    wanted.push(nameOf(picture, preserveStructure ? name : name.slice(name.lastIndexOf("/") + 1)));
  }
  if (!preserveStructure) {
    const keys: string[] = [];
    const uses = new Map<string, number>();
    for (const name of wanted) {
      await turn();
      const key = nameKey(name);
      keys.push(key);
      uses.set(key, (uses.get(key) ?? 0) + 1);
    }
    for (const [i, picture] of pictures.entries()) {
      await turn();
      if (uses.get(keys[i]!)! > 1) wanted[i] = nameOf(picture, picture.name.replaceAll("/", "_"));
    }
  }
  const place = (name: string): string => nameKey(layerFolders ? layersFolder(name) : name);
  const free = new FreeNames({ key: place, numbered: numberedName });
  for (const name of wanted) {
    await turn();
    free.reserveFolders(name);
  }
  const planned: string[] = [];
  if (suffix !== "") {
    for (const name of wanted) {
      await turn();
      planned.push(free.take(name));
    }
    return planned;
  }
  // Results have the names of pictures here: nobody takes the name of another, which may stay in the output as it is.
  const own: boolean[] = [];
  for (const [index, { name }] of pictures.entries()) {
    await turn();
    own.push(place(name) === place(wanted[index]!));
    free.reserve(name);
  }
  const firsts = new Set<string>();
  for (const [index, name] of wanted.entries()) {
    await turn();
    const isFirst = own[index]! && !firsts.has(place(name));
    if (isFirst) firsts.add(place(name));
    planned.push(isFirst ? name : free.take(name));
  }
  return planned;
}

/** The layers of a page as files, from the bottom up, as they are stacked when all are opened together. */
export const LAYER_NAMES = ["1_original.png", "2_color.png", "3_ink.png"] as const;

/** The folder of a picture's layers, beside it: `a/001_colorized.jpg` → `a/001_colorized_layers`. */
export function layersFolder(picture: string): string {
  return `${picture.slice(0, picture.length - extensionOf(picture).length)}_layers`;
}
