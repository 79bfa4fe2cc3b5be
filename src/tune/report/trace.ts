/** A run's timeline as a trace that Perfetto and Chrome open (Trace Event Format). */
import type { Span } from "../measure/sample.js";

interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M";
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args?: Record<string, unknown>;
}

/** Rows of a lane: work that overlaps stands on rows of its own. */
export function rowsOf(spans: readonly Span[]): { span: Span; lane: string; row: number }[] {
  const ends = new Map<string, number[]>();
  return [...spans]
    .sort((a, b) => a.startMs - b.startMs)
    .map((span) => {
      const rows = ends.get(span.lane) ?? [];
      ends.set(span.lane, rows);
      const free = rows.findIndex((endMs) => endMs <= span.startMs + 1e-6);
      const row = free < 0 ? rows.length : free;
      rows[row] = span.startMs + span.ms;
      return { span, lane: span.lane, row };
    });
}

/** The content of `trace.json`. */
export function traceOf(spans: readonly Span[]): { traceEvents: TraceEvent[]; displayTimeUnit: "ms" } {
  const lanes = [...new Set(spans.map(({ lane }) => lane))];
  const names: TraceEvent[] = lanes.map((lane, pid) => ({
    name: "process_name",
    ph: "M",
    pid,
    tid: 0,
    args: { name: lane },
  }));
  const events = rowsOf(spans).map(({ span, lane, row }): TraceEvent => {
    const pid = lanes.indexOf(lane);
    return {
      name: span.name,
      ph: "X",
      pid,
      tid: row,
      ts: Math.round(span.startMs * 1000),
      dur: Math.round(span.ms * 1000),
      cat: span.kind,
      args: { page: span.page, waitMs: span.waitMs },
    };
  });
  return { traceEvents: [...names, ...events], displayTimeUnit: "ms" };
}
