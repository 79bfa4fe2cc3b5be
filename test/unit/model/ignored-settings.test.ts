/** Which settings a model ignores, told from its manifest; the embedded model's by its pictures in `e2e/stand-in`. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ignoredSettings, type IgnoringManifest } from "../../../src/model/ignored-settings.js";
import type { ModelManifest } from "../../../src/model/manifest.js";

const keysOf = (manifest: IgnoringManifest): string[] => ignoredSettings(manifest).map(({ key }) => key);

it("are none of Cobra's own", () => {
  expect(keysOf({ prediction: "epsilon", references: "quadrants", scheduler: {} })).toEqual([]);
});

it("are the steps of a model that takes one, and its seed if it predicts the picture itself", () => {
  const one = { maxSteps: 1 };
  expect(keysOf({ prediction: "epsilon", references: "quadrants", scheduler: one })).toEqual(["numInferenceSteps"]);
  expect(keysOf({ prediction: "sample", references: "quadrants", scheduler: one })).toEqual([
    "seed",
    "previewSeeds",
    "numInferenceSteps",
  ]);
  expect(keysOf({ prediction: "sample", references: "quadrants", scheduler: { maxSteps: 4 } })).toEqual([]);
});

it("are top-k, with few references, of a model that takes them whole", () => {
  expect(ignoredSettings({ prediction: "epsilon", references: "whole", scheduler: {} })).toEqual([
    expect.objectContaining({ key: "topK", unless: "there are more than 4 x top-k references" }),
  ]);
});

it("are all of these of the embedded model", () => {
  const url = new URL("../../../models/default/manifest.json", import.meta.url);
  expect(keysOf(JSON.parse(readFileSync(url, "utf8")) as ModelManifest)).toEqual([
    "seed",
    "previewSeeds",
    "numInferenceSteps",
    "topK",
  ]);
});
