/** Telling pages from references in a pile of classified pictures. */
import type { ImageClassification } from "./decision.js";

/** A picture of any form with what the classifier said of it. */
export interface ClassifiedImage<T> {
  readonly image: T;
  readonly classification: ImageClassification;
}

/** The pile taken apart; the order of the input is kept in each part. */
export interface Separation<T> {
  /** Pages to colour. */
  readonly lineArt: T[];
  /** Coloured pictures to take colours from. */
  readonly references: T[];
  /** What the classifier said, for every picture. */
  readonly classifications: Map<T, ImageClassification>;
}

/** Line art to the pages, coloured pictures to the references. */
export function separateLineArtAndReferences<T>(images: Iterable<ClassifiedImage<T>>): Separation<T> {
  const separation: Separation<T> = { lineArt: [], references: [], classifications: new Map() };
  for (const { image, classification } of images) {
    (classification.type === "line_art" ? separation.lineArt : separation.references).push(image);
    separation.classifications.set(image, classification);
  }
  return separation;
}
