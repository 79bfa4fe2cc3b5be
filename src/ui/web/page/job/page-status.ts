/** The state of a page in words: what is done to it, which step, how long it took. */
import type { Picture } from "../../api/schemas.js";
import { duration } from "../lib/format.js";
import { t } from "../texts/texts.js";

/** The stage in words, with its step. */
export function stageText({ stage, step, steps }: Picture): string {
  if (stage === undefined) return "";
  const name = t.value.results.stages[stage];
  return step !== undefined && steps !== undefined && steps > 1 ? `${name} ${step}/${steps}` : name;
}

/** State, stage or time in one line. */
export function pageStatus(picture: Picture): string {
  const { states, doneIn } = t.value.results;
  if (picture.state === "processing") return stageText(picture) || states.processing;
  if (picture.state === "completed" && picture.elapsedMs !== undefined)
    return doneIn(duration(picture.elapsedMs / 1000));
  return states[picture.state];
}
