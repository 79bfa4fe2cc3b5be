/**
 * Lists settings that have no effect with a model, according to its manifest, so that no program offers one that
 * cannot help.
 */
import type { ModelManifest } from "./manifest.js";

/** A setting that the model takes no notice of. */
export interface IgnoredSetting {
  readonly key: "seed" | "previewSeeds" | "numInferenceSteps" | "topK";
  /** Why, as the end of "this model …". */
  readonly because: string;
  /** Absent: always. Otherwise when it does change pictures. */
  readonly unless?: string;
}

/** What the rules look at. */
export type IgnoringManifest = Pick<ModelManifest, "prediction" | "references"> & {
  readonly scheduler: Pick<ModelManifest["scheduler"], "maxSteps">;
};

/**
 * The settings that change nothing with a model:
 * - steps, if it takes one step at most (`scheduler.maxSteps` 1);
 * - the seed, and so a preview of several seeds, if it also predicts the picture itself (`prediction` "sample"): its
 *   one step then leads to the same picture from any noise;
 * - top-k, if it takes whole references (`references` "whole") and there are at most 4 x top-k.
 */
export function ignoredSettings({ prediction, references, scheduler }: IgnoringManifest): IgnoredSetting[] {
  const oneStep = scheduler.maxSteps === 1;
  return [
    ...(oneStep && prediction === "sample"
      ? (["seed", "previewSeeds"] as const).map((key) => ({ key, because: "gives the same picture for every seed" }))
      : []),
    ...(oneStep ? [{ key: "numInferenceSteps" as const, because: "takes a single step" }] : []),
    ...(references === "whole"
      ? [
          {
            key: "topK" as const,
            because: "takes every reference as a whole",
            unless: "there are more than 4 x top-k references",
          },
        ]
      : []),
  ];
}
