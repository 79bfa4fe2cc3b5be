/** The farm behind the server: its workers and its queue, and what can be done with them. */
import { BatchProcessingError } from "../../../../errors.js";
import { farm } from "../../api/farm.js";
import { farmChapterChanges, farmChapterParams, farmNodeParams, noOptions } from "../../api/requests.js";
import type { FarmControl } from "../../farm/farm-control.js";
import { errors } from "../answers.js";
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

/** Adds the routes. */
export function farmRoutes(app: App, { backend }: Services): void {
  const control = (): FarmControl => {
    if (backend.farm !== undefined) return backend.farm;
    throw new BatchProcessingError("ERR_STATE", "this server colours its pages itself: it has no farm");
  };
  const shared = { tags: ["farm"], response: { 200: farm, ...errors } };
  app.get(
    "/farm",
    {
      schema: {
        operationId: "getFarm",
        summary: "The farm: its queue, workers and chapters",
        description: "Events of the type farm tell each change.",
        ...shared,
      },
    },
    () => control().look(),
  );
  app.post(
    "/farm/pause",
    {
      schema: {
        operationId: "pauseFarm",
        summary: "Let no worker take a page; pages in progress are finished",
        ...shared,
        body: noOptions,
      },
    },
    () => control().pause(),
  );
  app.post(
    "/farm/resume",
    {
      schema: { operationId: "resumeFarm", summary: "Let workers take pages again", ...shared, body: noOptions },
    },
    () => control().resume(),
  );
  for (const [action, operationId, summary] of NODE_ACTIONS)
    app.post(
      `/farm/nodes/:node/${action}`,
      { schema: { operationId, summary, ...shared, params: farmNodeParams, body: noOptions } },
      ({ params }) => control().drain(params.node, action === "drain"),
    );
  const ofChapter = { ...shared, params: farmChapterParams };
  app.post(
    "/farm/chapters/:chapter/cancel",
    {
      schema: {
        operationId: "cancelFarmChapter",
        summary: "Take a chapter out of the queue; pages in progress are finished",
        ...ofChapter,
        body: noOptions,
      },
    },
    ({ params }) => control().cancel(params.chapter),
  );
  for (const [action, operationId, summary] of CHAPTER_ACTIONS)
    app.post(
      `/farm/chapters/:chapter/${action}`,
      { schema: { operationId, summary, ...ofChapter, body: noOptions } },
      ({ params }) => control().pauseChapter(params.chapter, action === "pause"),
    );
  app.post(
    "/farm/chapters/:chapter/retry",
    {
      schema: {
        operationId: "retryFarmChapter",
        summary: "Submit a chapter with failed pages again; only these are done",
        ...ofChapter,
        body: noOptions,
      },
    },
    ({ params }) => control().retry(params.chapter),
  );
  app.patch(
    "/farm/chapters/:chapter",
    {
      schema: {
        operationId: "updateFarmChapter",
        summary: "Give a chapter in the queue another priority",
        ...ofChapter,
        body: farmChapterChanges,
      },
    },
    ({ params, body }) => control().prioritize(params.chapter, body.priority),
  );
}

const CHAPTER_ACTIONS = [
  ["pause", "pauseFarmChapter", "Let no worker take a page of a chapter; pages in progress are finished"],
  ["resume", "resumeFarmChapter", "Let workers take pages of a chapter again"],
] as const;
const NODE_ACTIONS = [
  ["drain", "drainFarmNode", "Have a worker finish its pages and take no more"],
  ["resume", "resumeFarmNode", "Have a worker that was drained take pages again"],
] as const;
