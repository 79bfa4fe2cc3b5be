// Which model a continued run uses, and when another one is refused.
import { expect, it } from "vitest";
import { checkModelOfRun, modelFolderOf } from "../../../src/core/run-model.js";

const run = { model: { directory: "/models/a", name: "a", hash: "a".repeat(64) } };

it("a run keeps its model unless another is named; without a folder it is the default model", () => {
  expect(modelFolderOf(run)).toBe("/models/a");
  expect(modelFolderOf(run, "/models/b")).toBe("/models/b");
  expect(modelFolderOf({ model: { ...run.model, directory: "" } })).toBeUndefined();
});

it("the same model is any folder with its hash", () => {
  for (const isNamed of [true, false])
    expect(checkModelOfRun(run, { directory: "/elsewhere", hash: run.model.hash }, isNamed)).toBeUndefined();
});

it("another model is a warning where it was named, else an error that says how to name one", () => {
  const other = { directory: "/models/b", hash: "b".repeat(64) };
  const text = 'the run used the model "a" (aaaaaaaaaaaa), not the one in /models/b';
  expect(checkModelOfRun(run, other, true)).toBe(text);
  expect(() => checkModelOfRun(run, other, false)).toThrow(
    expect.objectContaining({ code: "ERR_CONFIG", message: text, remedy: "name its model with --model" }) as Error,
  );
});
