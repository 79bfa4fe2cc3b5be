/** Separates pages from references in a list of pictures. */
import type { BatchProcessingError } from "../errors.js";
import { checkArgument, checkList } from "../errors/arguments.js";
import type { ImageClassification } from "./decision.js";
import { ImageClassifier, type ClassifierSource } from "./image-classifier.js";

/** A picture that could not be read or decoded. */
export interface UnreadableImage<T> {
  readonly image: T;
  readonly error: BatchProcessingError;
}

/** The pile taken apart; the order of the input is kept in each part. */
export interface Separation<T> {
  /** Pages to colour. */
  readonly lineArt: T[];
  /** Coloured pictures to take colours from. */
  readonly references: T[];
  /** What the classifier said, for every picture it could read. */
  readonly classifications: Map<T, ImageClassification>;
  /** The others: one bad picture does not spoil the pile. */
  readonly failures: UnreadableImage<T>[];
}

/**
 * Line art to the pages, coloured pictures to the references.
 * @param images paths, encoded files or decoded pictures
 * @param classifier with its thresholds and its cache; default a new one
 */
export async function separateLineArtAndReferences<T extends ClassifierSource>(
  images: Iterable<T>,
  classifier = new ImageClassifier(),
): Promise<Separation<T>> {
  checkList("the images", images);
  checkArgument(classifier instanceof ImageClassifier, "the classifier", classifier, "an ImageClassifier");
  const all = [...images];
  const separation: Separation<T> = { lineArt: [], references: [], classifications: new Map(), failures: [] };
  for (const [index, { classification, error }] of (await classifier.classifyBatch(all)).entries()) {
    const image = all[index]!;
    if (error !== undefined) separation.failures.push({ image, error });
    else {
      (classification.type === "line_art" ? separation.lineArt : separation.references).push(image);
      separation.classifications.set(image, classification);
    }
  }
  return separation;
}
