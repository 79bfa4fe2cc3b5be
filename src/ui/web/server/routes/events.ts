/** Sends events as server-sent events. */
import type { OutgoingHttpHeaders } from "node:http";
import { eventsQuery } from "../../api/requests.js";
import { serverEvent } from "../../api/schemas.js";
import { errors } from "../answers.js";
import type { App } from "../app-type.js";
import type { Services } from "../services.js";

/** Adds the route. */
export function eventRoutes(app: App, { events, jobs }: Services): void {
  app.get(
    "/events",
    {
      exposeHeadRoute: false,
      schema: {
        operationId: "readEvents",
        summary: "What happens, as it happens",
        description:
          "Server-sent events. The data of each is one object as JSON. A reader that comes back with Last-Event-ID gets what it missed, or an event of type reset. The events of one job begin with the job as it is.",
        tags: ["events"],
        querystring: eventsQuery,
        response: {
          200: { description: "a stream of events", content: { "text/event-stream": { schema: serverEvent } } },
          ...errors,
        },
      },
    },
    (request, reply) => {
      const { job } = request.query;
      const now = job === undefined ? undefined : ({ type: "job", job: jobs.get(job) } as const);
      const begin = events.reserve(request.ip);
      const lastId = request.headers["last-event-id"];
      reply.hijack();
      reply.raw.writeHead(200, {
        ...(reply.getHeaders() as OutgoingHttpHeaders),
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      });
      begin(reply.raw, typeof lastId === "string" ? lastId : undefined, job, now);
    },
  );
}
