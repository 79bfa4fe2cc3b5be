/** Roles of a job's pictures: as the classifier suggests, or as people set them. */
import { ConfigurationError, ValidationError } from "../../../errors.js";
import { isSurelyColored } from "../../../classification/decision.js";
import type { Job, PictureRole } from "../api/schemas.js";
import type { StoredPicture, StoredPictures } from "./stored.js";

/** Roles of all pictures. */
export class Roles {
  readonly #pictures: readonly StoredPicture[];
  /** References were added to the chapter, so that its own coloured pictures need not be any. */
  readonly #hasAdded: boolean;

  constructor({ pictures }: StoredPictures) {
    this.#pictures = pictures;
    this.#hasAdded = pictures.some(({ added, fault }) => added && fault === undefined);
  }

  suggested({ added, kind, confidence, unsure, fault, roleAtStart }: StoredPicture): PictureRole {
    if (roleAtStart !== undefined) return roleAtStart;
    if (fault !== undefined || kind === undefined) return "unreadable";
    if (added) return "reference";
    if (kind === "line_art") return "page";
    if (!this.#hasAdded) return "reference";
    return isSurelyColored({ type: kind, confidence, ambiguous: unsure }) ? "inColor" : "page";
  }

  of(picture: StoredPicture): PictureRole {
    return picture.role ?? this.suggested(picture);
  }

  all(role: PictureRole): StoredPicture[] {
    return this.#pictures.filter((picture) => this.of(picture) === role);
  }

  /** The chapter's first page, by id; undefined where there is none. */
  get cover(): string | undefined {
    return this.#pictures.find((picture) => this.of(picture) === "page")?.id;
  }

  counts(other: number): Job["counts"] {
    const counts = { pages: 0, references: 0, inColor: 0, unreadable: 0, other };
    const keys = { page: "pages", reference: "references", inColor: "inColor", unreadable: "unreadable" } as const;
    for (const picture of this.#pictures) counts[keys[this.of(picture)]]++;
    return counts;
  }
}

/**
 * The pictures of a job that begins. A reference that is added later would otherwise make pages of the chapter's own
 * coloured pictures.
 */
export function withRolesAtStart(all: StoredPictures): StoredPictures {
  const roles = new Roles(all);
  const fixed = ({ fault, roleAtStart }: StoredPicture): boolean => fault !== undefined || roleAtStart !== undefined;
  if (all.pictures.every(fixed)) return all;
  return {
    ...all,
    pictures: all.pictures.map((one) => (fixed(one) ? one : { ...one, roleAtStart: roles.suggested(one) })),
  };
}

/** The pictures of a job that is to begin anew. */
export function withoutRolesAtStart(all: StoredPictures): StoredPictures {
  return {
    ...all,
    pictures: all.pictures.map(({ roleAtStart: _roleAtStart, settingsBefore: _before, ...one }) => one),
  };
}

/** Nothing is there to colour. */
export function noPages(): ValidationError {
  return new ValidationError("ERR_INPUT_EMPTY", "the job has no page; move line art to the pages");
}

/** Nothing is there to take colours from. */
export function noReferences(): ConfigurationError {
  return new ConfigurationError(
    "ERR_NO_REFERENCES",
    "the job has no reference; add a coloured picture, or move one of the chapter to the references",
  );
}
