/**
 * Settings of pages that are to be done again. A page has them from the moment they are asked for; what it had before
 * is kept until it is done, and comes back if it is not.
 */
import { isDeepStrictEqual } from "node:util";
import type { PageOwnSettings } from "../api/schemas.js";
import type { StoredPicture, StoredPictures } from "./stored.js";

/** A page with settings of its own; none where that is an empty object. */
export function withOwn({ settings: _settings, ...picture }: StoredPicture, own: PageOwnSettings): StoredPicture {
  return Object.keys(own).length === 0 ? picture : { ...picture, settings: own };
}

/** A page that is to be done again. @param made what the redo under way has done it with already */
export function withAsked(picture: StoredPicture, own: PageOwnSettings, made?: PageOwnSettings): StoredPicture {
  const { settings = {}, settingsBefore = settings } = picture;
  return { ...withOwn(picture, own), settingsBefore: made ?? settingsBefore };
}

/** A page with settings that stay, whatever becomes of a redo. */
export function withChosen(
  { settingsBefore: _before, ...picture }: StoredPicture,
  own: PageOwnSettings,
): StoredPicture {
  return withOwn(picture, own);
}

/**
 * Pages that were finished after their redo was taken back have what they were made with, unless they were set anew.
 * @param given the pictures as the run was given them
 */
export function withMade(
  all: StoredPictures,
  given: StoredPictures | undefined,
  madeWith: (id: string) => PageOwnSettings | undefined,
): StoredPictures {
  const before = new Map(given?.pictures.map(({ id, settingsBefore }) => [id, settingsBefore]));
  return eachPicture(all, (picture) => {
    const { id, settings = {}, settingsBefore } = picture;
    const made = madeWith(id);
    const isTakenBack = settingsBefore === undefined && isDeepStrictEqual(settings, before.get(id));
    return made !== undefined && isTakenBack ? withOwn(picture, made) : picture;
  });
}

/**
 * @param isAgain a page is still to be done again
 * @param madeWith the settings that a page has been done again with; undefined for one that was not
 */
export function settled(
  all: StoredPictures,
  isAgain: (id: string) => boolean,
  madeWith: (id: string) => PageOwnSettings | undefined = () => undefined,
): StoredPictures {
  return eachPicture(all, (picture) => {
    const { settingsBefore, ...one } = picture;
    if (settingsBefore === undefined) return picture;
    const made = madeWith(picture.id);
    if (!isAgain(picture.id)) return withOwn(one, made ?? settingsBefore);
    return made === undefined ? picture : { ...picture, settingsBefore: made };
  });
}

/** The same object where no picture is changed, so that nothing is written. */
function eachPicture(all: StoredPictures, change: (picture: StoredPicture) => StoredPicture): StoredPictures {
  const pictures = all.pictures.map(change);
  return pictures.every((picture, index) => picture === all.pictures[index]) ? all : { ...all, pictures };
}
