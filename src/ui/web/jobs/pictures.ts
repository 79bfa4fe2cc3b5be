/** The pictures of a job and the actions on them: roles, settings, hints, references, files. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { BatchProcessingError, ImageProcessingError, ValidationError } from "../../../errors.js";
import { writeFileAtomic } from "../../../io/files/atomic-file.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import { hintPictureHeadFault } from "../../../io/image/decode/hint-picture.js";
import type { PageOwnSettings, Picture, PictureRole } from "../api/schemas.js";
import { checkedOwn } from "./given.js";
import { inputOf } from "./input.js";
import type { JobEntry } from "./job-entry.js";
import { noFile, openHints, openLayer, openOriginal, openPreview, openResult } from "./open-picture.js";
import { outputOf } from "./outcomes.js";
import { assertState, AT_REST } from "./job-states.js";
import { withChosen, withOwn } from "./redo-settings.js";
import type { JobRegister } from "./register.js";
import type { Roots } from "./roots.js";
import type { SourceCache } from "./source-cache.js";
import type { OpenedPicture, PictureFile } from "./types.js";
import { pictureView } from "./views.js";

/** What of pictures is changed. */
export interface PictureChanges {
  readonly role?: PictureRole | undefined;
  readonly settings?: PageOwnSettings | undefined;
}

export class JobPictures {
  readonly #register: JobRegister;
  readonly #roots: Roots;
  readonly #cache: SourceCache;

  constructor(register: JobRegister, roots: Roots, cache: SourceCache) {
    this.#register = register;
    this.#roots = roots;
    this.#cache = cache;
  }

  async all(entry: JobEntry): Promise<Picture[]> {
    this.#register.keepDetails(entry);
    const { pictures } = await entry.pictures();
    const outcomes = await entry.outcomes();
    const roles = await entry.roles();
    const { hider } = this.#register;
    return pictures.map((picture) => pictureView(picture, roles, entry, outcomes.get(picture.name), hider));
  }

  async change(entry: JobEntry, ids: readonly string[], { role, settings }: PictureChanges): Promise<Picture[]> {
    assertState(entry.stored, AT_REST, "change its pictures", "pause it first, or do single pages again");
    const checked = settings === undefined ? undefined : checkedOwn(settings);
    await this.#register.changePictures(entry, ids, (picture) => {
      if (role === "page" && picture.added)
        throw new ValidationError(
          "ERR_ARGUMENT",
          `${picture.name} was added as a reference and is not a page of the chapter`,
        );
      const one = checked === undefined ? picture : withChosen(picture, checked);
      return role === undefined ? one : { ...one, role };
    });
    await this.#register.recount(entry);
    const wanted = new Set(ids);
    return (await this.all(entry)).filter((picture) => wanted.has(picture.id));
  }

  async removeReference(entry: JobEntry, id: string): Promise<void> {
    const { file, name } = await this.#register.picture(entry, id);
    const other = "give it another role instead";
    if (file === undefined)
      throw new BatchProcessingError("ERR_STATE", `${name} is a part of the chapter and is not deleted; ${other}`);
    if (file !== name) throw new BatchProcessingError("ERR_STATE", `${name} is in the added archive ${file}; ${other}`);
    const path = join(entry.paths.references, file);
    await rm(path, { force: true });
    (await entry.uploads.reference)?.free(path);
    await entry.changePictures((all) => ({ ...all, pictures: all.pictures.filter((one) => one.id !== id) }));
    await this.#register.recount(entry);
  }

  async putHints(entry: JobEntry, id: string, png: Uint8Array): Promise<Picture> {
    const { name } = await this.#register.picture(entry, id);
    const fault = await hintPictureHeadFault(png);
    if (fault !== undefined)
      throw new ImageProcessingError("ERR_HINTS", `the hints of ${name}: the picture ${fault.message}`, {
        imagePath: name,
        remedy: fault.remedy,
      });
    const { hints, folder } = entry.paths;
    await makeFolder(hints, folder);
    await writeFileAtomic(join(hints, `${id}.png`), png, true, undefined, folder);
    await this.#changeOwn(entry, id, (own) => ({ ...own, hints: "strokes" }));
    return this.#notify(entry, id);
  }

  async removeHints(entry: JobEntry, id: string): Promise<Picture> {
    await this.#changeOwn(entry, id, ({ hints: _hints, ...own }) => own);
    await rm(join(entry.paths.hints, `${id}.png`), { force: true });
    return this.#notify(entry, id);
  }

  async open(entry: JobEntry, id: string, which: PictureFile): Promise<OpenedPicture> {
    this.#register.keepDetails(entry);
    const { stored, paths } = entry;
    const picture = await this.#register.picture(entry, id);
    if (which === "original") {
      const input = picture.added ? undefined : await inputOf(stored.source, paths, this.#roots);
      return openOriginal(picture, input, paths, this.#cache);
    }
    if (which === "hints") return openHints(picture, paths);
    if (stored.output === undefined) throw noFile(`result of ${picture.name}`);
    const output = outputOf(paths.folder, stored.output);
    if (which.startsWith("preview:"))
      return openPreview(picture, Number(which.slice("preview:".length)), stored.preview, output);
    const result = (await entry.outcomes()).get(picture.name)?.success;
    if (result === undefined) throw noFile(`result of ${picture.name}`);
    return which.startsWith("layer:")
      ? openLayer(result, which.slice("layer:".length), output, this.#cache)
      : openResult(result, output, this.#cache);
  }

  /** Also of the settings that a page gets back if it is not done again. */
  async #changeOwn(entry: JobEntry, id: string, change: (own: PageOwnSettings) => PageOwnSettings): Promise<void> {
    await this.#register.changePictures(entry, [id], (one) => ({
      ...withOwn(one, change(one.settings ?? {})),
      ...(one.settingsBefore === undefined ? {} : { settingsBefore: change(one.settingsBefore) }),
    }));
  }

  async #notify(entry: JobEntry, id: string): Promise<Picture> {
    const picture = (await this.all(entry)).find((one) => one.id === id)!;
    this.#register.feed.tell({ type: "picture", job: entry.id, picture });
    return picture;
  }
}
