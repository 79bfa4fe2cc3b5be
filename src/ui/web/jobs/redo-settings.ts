/**
 * Settings of pages that are to be done again. A page has them from the moment they are asked for; what it had before
 * is kept until it is done, and comes back if it is not.
 */
import type { PageOwnSettings } from "../api/schemas.js";
import type { StoredPicture, StoredPictures } from "./stored.js";

/** A page with settings of its own; none where that is an empty object. */
export function withOwn({ settings: _settings, ...picture }: StoredPicture, own: PageOwnSettings): StoredPicture {
  return Object.keys(own).length === 0 ? picture : { ...picture, settings: own };
}

/** A page that is to be done again. @param isDone the redo before this one has done it with the settings it has */
export function withAsked(picture: StoredPicture, own: PageOwnSettings, isDone: boolean): StoredPicture {
  const { settings = {}, settingsBefore = settings } = picture;
  return { ...withOwn(picture, own), settingsBefore: isDone ? settings : settingsBefore };
}

/** A page with settings that stay, whatever becomes of a redo. */
export function withChosen(
  { settingsBefore: _before, ...picture }: StoredPicture,
  own: PageOwnSettings,
): StoredPicture {
  return withOwn(picture, own);
}

/**
 * @param isAgain a page is still to be done again
 * @param isDone a page has been done with the settings that it has
 */
export function settled(
  all: StoredPictures,
  isAgain: (id: string) => boolean,
  isDone: (id: string) => boolean = () => false,
): StoredPictures {
  const isOver = ({ id, settingsBefore }: StoredPicture): boolean => settingsBefore !== undefined && !isAgain(id);
  if (!all.pictures.some(isOver)) return all;
  return {
    ...all,
    pictures: all.pictures.map((picture) => {
      if (!isOver(picture)) return picture;
      const { settingsBefore = {}, ...one } = picture;
      return isDone(picture.id) ? one : withOwn(one, settingsBefore);
    }),
  };
}
