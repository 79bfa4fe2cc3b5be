/**
 * Spans of OpenTelemetry: one for each page, and in it one for each network run and worker task. They are made only
 * where the process has an SDK (such as `node --import ./otel.mjs`); without one nothing is loaded or subscribed.
 */
import type { Span, Tracer } from "@opentelemetry/api";
import { CHANNELS, type WorkContext } from "./channels.js";

/** Where the API keeps what an SDK has registered. */
const API = Symbol.for("opentelemetry.js.api.1");

/** Begins tracing; undefined where no SDK has registered. */
export async function startTracing(version: string): Promise<Disposable | undefined> {
  const registered = (globalThis as { [API]?: { trace?: unknown } })[API];
  if (registered?.trace === undefined) return undefined;
  const { context, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const tracer: Tracer = trace.getTracer("cobra-batch", version);
  const pages = new Map<string, Span>();
  const keyOf = ({ job, page }: WorkContext): string => JSON.stringify([job, page]);
  const within = (
    work: WorkContext,
    name: string,
    ms: number,
    attributes: Record<string, string>,
    error?: string,
  ): void => {
    const page = pages.get(keyOf(work));
    const end = Date.now();
    const parent = page === undefined ? context.active() : trace.setSpan(context.active(), page);
    const span = tracer.startSpan(name, { startTime: end - ms, attributes }, parent);
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(end);
  };
  const ends = [
    CHANNELS.networkRun.subscribe(({ graph, style, provider, runMs, error, ...work }) =>
      within(work, `network ${graph}`, runMs, { "cobra.style": style, "cobra.provider": provider }, error),
    ),
    CHANNELS.task.subscribe(({ task, outcome, runMs, ...work }) =>
      within(work, `task ${task}`, runMs, { "cobra.outcome": outcome }, outcome === "failed" ? outcome : undefined),
    ),
    CHANNELS.page.subscribe((turn) => {
      const key = keyOf(turn);
      if (turn.state === "started") {
        const attributes = { "cobra.page": turn.page, "cobra.job": turn.job ?? "" };
        pages.set(key, tracer.startSpan("page", { attributes }));
        return;
      }
      const span = pages.get(key);
      if (turn.state === "failed") span?.setStatus({ code: SpanStatusCode.ERROR, message: turn.code ?? "" });
      span?.end();
      pages.delete(key);
    }),
  ];
  return {
    [Symbol.dispose]() {
      for (const end of ends) end();
      for (const span of pages.values()) span.end();
      pages.clear();
    },
  };
}
