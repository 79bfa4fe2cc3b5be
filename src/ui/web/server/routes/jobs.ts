/** Jobs: list, make, change, remove, and what can be done with one. */
import { z } from "zod";
import {
  approveOptions,
  cancelOptions,
  jobChanges,
  jobParams,
  newJob,
  noOptions,
  redoOptions,
  retryOptions,
  rejectOptions,
} from "../../api/requests.js";
import { job } from "../../api/schemas.js";
import type { Jobs } from "../../jobs/types.js";
import { errors, nothing } from "../answers.js";
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

const tags = ["jobs"];

/** Adds the routes. */
export function jobRoutes(app: App, { jobs }: Services): void {
  app.get(
    "/jobs",
    { schema: { operationId: "listJobs", summary: "All jobs", tags, response: { 200: z.array(job), ...errors } } },
    () => jobs.list(),
  );
  app.post(
    "/jobs",
    {
      schema: {
        operationId: "createJob",
        summary: "Make a job",
        description: "A draft: upload its pages, or name a folder or archive below an allowed root, then start it.",
        tags,
        body: newJob.optional(),
        response: { 201: job, ...errors },
      },
    },
    async ({ body }, reply) => {
      const made = await jobs.create(body);
      return reply.code(201).header("location", `/api/v1/jobs/${made.id}`).send(made);
    },
  );
  app.get(
    "/jobs/:job",
    {
      schema: { operationId: "getJob", summary: "One job", tags, params: jobParams, response: { 200: job, ...errors } },
    },
    ({ params }) => jobs.get(params.job),
  );
  app.patch(
    "/jobs/:job",
    {
      schema: {
        operationId: "updateJob",
        summary: "Change a job's name, settings or place",
        tags,
        params: jobParams,
        body: jobChanges,
        response: { 200: job, ...errors },
      },
    },
    ({ params, body }) => jobs.update(params.job, body),
  );
  app.delete(
    "/jobs/:job",
    {
      schema: {
        operationId: "deleteJob",
        summary: "Cancel a job and delete everything that belongs to it",
        tags,
        params: jobParams,
        response: { 204: nothing, ...errors },
      },
    },
    async ({ params }, reply) => {
      await jobs.remove(params.job);
      return reply.code(204).send(undefined);
    },
  );
  for (const action of ["start", "pause", "resume"] as const) plainAction(app, jobs, action);
  optionRoutes(app, jobs);
}

const PLAIN = {
  start: "Queue a draft, or continue a job that failed or was cancelled",
  pause: "Begin no further page; those in progress are finished",
  resume: "Queue a paused job in front",
} as const;

function plainAction(app: App, jobs: Jobs, action: keyof typeof PLAIN): void {
  app.post(
    `/jobs/:job/${action}`,
    {
      schema: {
        operationId: `${action}Job`,
        summary: PLAIN[action],
        tags,
        params: jobParams,
        body: noOptions,
        response: { 200: job, ...errors },
      },
    },
    ({ params }) => jobs[action](params.job),
  );
}

function optionRoutes(app: App, jobs: Jobs): void {
  const shared = { tags, params: jobParams, response: { 200: job, ...errors } };
  app.post(
    "/jobs/:job/cancel",
    { schema: { operationId: "cancelJob", summary: "Give a job up", ...shared, body: cancelOptions } },
    ({ params, body }) => jobs.cancel(params.job, body),
  );
  app.post(
    "/jobs/:job/retry",
    { schema: { operationId: "retryJob", summary: "Try failed pages again", ...shared, body: retryOptions } },
    ({ params, body }) => jobs.retry(params.job, body?.ids),
  );
  app.post(
    "/jobs/:job/approve",
    { schema: { operationId: "approveJob", summary: "Go on after a preview", ...shared, body: approveOptions } },
    ({ params, body }) => jobs.approve(params.job, body),
  );
  app.post(
    "/jobs/:job/reject",
    { schema: { operationId: "rejectJob", summary: "Make a preview again", ...shared, body: rejectOptions } },
    ({ params, body }) => jobs.reject(params.job, body),
  );
  app.post(
    "/jobs/:job/redo",
    { schema: { operationId: "redoPictures", summary: "Colour pages again", ...shared, body: redoOptions } },
    ({ params, body }) => jobs.redo(params.job, body.ids, body.settings),
  );
  app.post(
    "/jobs/:job/again",
    {
      schema: {
        operationId: "repeatJob",
        summary: "Make a draft with the same input, references, roles and settings",
        ...shared,
        body: noOptions,
        response: { 201: job, ...errors },
      },
    },
    async ({ params }, reply) => {
      const made = await jobs.again(params.job);
      return reply.code(201).header("location", `/api/v1/jobs/${made.id}`).send(made);
    },
  );
}
