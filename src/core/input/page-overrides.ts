/**
 * The files that single pages name in their settings, references and hint pictures: checks them and hashes their
 * contents.
 */
import { stat } from "node:fs/promises";
import { types } from "node:util";
import type { PageRequest } from "../../colorization/request/page-request.js";
import type { PageConfig, PageSettings } from "../../config/batch-config.js";
import type { ColorHints } from "../../config/color-hints.js";
import { ImageProcessingError, messageOf } from "../../errors.js";
import { faultAt, type Fault } from "../../errors/fault.js";
import { readWhole } from "../../io/files/read-file.js";
import { hintPictureHeadFault } from "../../io/image/decode/hint-picture.js";

/** Paths that a page's own settings name. */
export function ownPaths({ referenceImages = [], colorHints }: PageConfig): string[] {
  return [...referenceImages, ...(typeof colorHints === "string" ? [colorHints] : [])];
}

/**
 * What is wrong with the files of pages as far as it does not depend on a page, each fault with the page's name:
 * a path where nothing is, a picture of hints that is none or has no transparency. Each file is looked at once.
 * @param pages pages or patterns with their settings
 */
export async function ownFileFaults(pages: Iterable<readonly [name: string, settings: PageConfig]>): Promise<Fault[]> {
  const looked = new Map<string, Promise<Fault | undefined>>();
  const faults: Fault[] = [];
  const look = async (where: string, path: string, at: (path: string) => Promise<Fault | undefined>): Promise<void> => {
    const key = `${at.name} ${path}`;
    if (!looked.has(key)) looked.set(key, at(path));
    const fault = await looked.get(key);
    if (fault !== undefined) faults.push(faultAt(`${where}: ${path} `, fault));
  };
  for (const [name, { referenceImages = [], colorHints }] of pages) {
    for (const path of referenceImages) await look(`${name}: referenceImages`, path, pathFault);
    if (typeof colorHints === "string") await look(`${name}: colorHints`, colorHints, hintFileFault);
  }
  return faults;
}

function unreadable(reason: string): Fault {
  return {
    message: `cannot be read (${reason})`,
    remedy: "correct the path; relative paths in a configuration file count from its folder",
  };
}

async function pathFault(path: string): Promise<Fault | undefined> {
  return stat(path).then(
    () => undefined,
    (error: unknown) => unreadable(messageOf(error)),
  );
}

/** What the system said, without the path. */
function reasonOf(error: unknown): string {
  return messageOf((error as Error).cause ?? error);
}

async function hintFileFault(path: string): Promise<Fault | undefined> {
  const bytes = await readWhole(path).catch((error: unknown) => unreadable(reasonOf(error)));
  return types.isUint8Array(bytes) ? hintPictureHeadFault(bytes) : bytes;
}

/**
 * A page's hints as a page request has them: dots, or the picture's bytes.
 * @throws ImageProcessingError `ERR_HINTS` for a picture that cannot be read
 */
export async function hintsOf(colorHints: ColorHints): Promise<NonNullable<PageRequest["hints"]>> {
  if (typeof colorHints !== "string") return colorHints;
  try {
    return { name: colorHints, picture: { bytes: await readWhole(colorHints) } };
  } catch (error) {
    throw new ImageProcessingError(
      "ERR_HINTS",
      `the picture of hints ${colorHints} cannot be read (${reasonOf(error)})`,
      { imagePath: colorHints, cause: error },
    );
  }
}

/** What of a page's own decides its picture, for its fingerprint: contents in place of paths. */
export function ownContents(
  { referenceImages, colorHints }: PageSettings,
  hashOf: (path: string) => string,
): Record<string, unknown> {
  return {
    ...(referenceImages === undefined ? {} : { referenceImages: referenceImages.map(hashOf) }),
    ...(colorHints === undefined
      ? {}
      : { colorHints: typeof colorHints === "string" ? hashOf(colorHints) : colorHints }),
  };
}
