/** The charts of a report, drawn by Observable Plot. Undefined for one that nothing was measured for. */
import * as Plot from "@observablehq/plot";
import type { Span } from "../measure/sample.js";
import type { Report } from "../report/report.js";
import { rowsOf } from "../report/trace.js";
import { scoreOf } from "../score.js";
import { ratioEstimate } from "../statistics/bootstrap.js";
import { paretoFront } from "./pareto.js";

type Chart = ReturnType<typeof Plot.plot> | undefined;

const WIDTH = 1000;
const ACCENT = "var(--accent)";
const SOFT = "var(--soft)";
const STYLE = { background: "transparent", color: "var(--ink)", fontSize: "13px", fontFamily: "inherit" };
const base = { width: WIDTH, style: STYLE, marginBottom: 48 } as const;

const megabytes = (bytes: number): number => bytes / 1e6;

export function paretoChart(report: Report): Chart {
  const dots = report.measured.flatMap(({ id, summary }) =>
    summary === undefined
      ? []
      : [
          {
            id,
            rate: summary.pagesPerMinute.value,
            low: summary.pagesPerMinute.low,
            high: summary.pagesPerMinute.high,
            memory: megabytes(summary.peakBytes),
          },
        ],
  );
  if (dots.length === 0) return undefined;
  const front = paretoFront(dots);
  const named = dots.filter(({ id }) => id === "defaults" || id === report.best);
  return Plot.plot({
    ...base,
    height: 400,
    marginTop: 44,
    marginLeft: 60,
    marginRight: 150,
    grid: true,
    x: { label: "peak memory, MB", labelOffset: 40, nice: true },
    y: { label: "pages a minute", nice: true },
    marks: [
      Plot.line(front, { x: "memory", y: "rate", stroke: ACCENT, strokeOpacity: 0.5, curve: "step-after" }),
      Plot.ruleX(dots, { x: "memory", y1: "low", y2: "high", stroke: SOFT, strokeOpacity: 0.5 }),
      Plot.dot(dots, { x: "memory", y: "rate", r: 4, fill: SOFT }),
      Plot.dot(named, { x: "memory", y: "rate", r: 6, fill: ACCENT }),
      Plot.text(named, {
        x: "memory",
        y: "rate",
        text: (one: { id: string }) => (one.id === report.best && one.id !== "defaults" ? "best" : one.id),
        dx: 10,
        textAnchor: "start",
        fill: "currentColor",
        fontWeight: 600,
      }),
      Plot.tip(
        dots,
        Plot.pointer({
          x: "memory",
          y: "rate",
          title: (one: { id: string; rate: number; memory: number }) =>
            `${one.id}\n${one.rate.toFixed(1)} pages a minute\n${one.memory.toFixed(0)} MB`,
          fill: "var(--card)",
        }),
      ),
    ],
  });
}

/** How many times the defaults each value of each knob is, alone. */
export function sensitivityChart(report: Report): Chart {
  const scores = (samples: Report["measured"][number]["samples"]): number[] =>
    samples.map((sample) => scoreOf(sample, report.goal));
  const defaults = report.measured.find(({ id }) => id === "defaults")?.samples ?? [];
  const rows = report.knobs.flatMap(({ name, title, values, cost }) =>
    values.flatMap((value) => {
      const samples = report.measured.find(({ id }) => id === `${name}=${value}`)?.samples ?? [];
      if (samples.length === 0 || defaults.length === 0) return [];
      const ratio = ratioEstimate(scores(samples), scores(defaults));
      const label = `${title}: ${value}${cost === "" ? "" : ` (${cost})`}`;
      return [{ label, ...ratio, verdict: ratio.low > 1 ? "better" : ratio.high < 1 ? "worse" : "within the noise" }];
    }),
  );
  if (rows.length === 0) return undefined;
  return Plot.plot({
    ...base,
    height: 76 + 26 * rows.length,
    marginLeft: 250,
    marginRight: 60,
    x: { label: "times the defaults", labelOffset: 40, grid: true, nice: true },
    y: { label: null, domain: rows.map(({ label }) => label) },
    color: {
      domain: ["better", "within the noise", "worse"],
      range: ["var(--good)", SOFT, "var(--bad)"],
      legend: true,
    },
    marks: [
      Plot.ruleX([1], { stroke: "currentColor" }),
      Plot.link(rows, {
        x1: "low",
        x2: "high",
        y1: "label",
        y2: "label",
        stroke: "verdict",
        strokeWidth: 3,
        strokeOpacity: 0.5,
      }),
      Plot.dot(rows, { x: "value", y: "label", r: 5, fill: "verdict" }),
      Plot.text(rows, {
        x: "high",
        y: "label",
        dx: 12,
        textAnchor: "start",
        text: (row: { value: number }) => `${row.value.toFixed(2)}x`,
        fill: "currentColor",
      }),
    ],
  });
}

function bestSamples(report: Report): Report["measured"][number]["samples"] {
  return (report.measured.find(({ id }) => id === report.best) ?? report.measured[0])?.samples ?? [];
}

/** Work and waiting of a page, by what works: the networks, the worker tasks, the queues. */
export function whereTimeGoes(report: Report): Chart {
  const samples = bestSamples(report);
  const pages = samples.reduce((sum, sample) => sum + sample.pages, 0);
  if (pages === 0) return undefined;
  const rows = new Map<string, { name: string; kind: string; ms: number }>();
  const add = (name: string, kind: string, ms: number): void => {
    const key = `${kind} ${name}`;
    const row = rows.get(key) ?? { name, kind, ms: 0 };
    row.ms += ms / pages;
    rows.set(key, row);
  };
  for (const sample of samples) {
    for (const [name, { runMs, waitMs }] of Object.entries(sample.networks)) {
      add(name.replaceAll("_", " "), "network", runMs);
      add("for the device", "waiting", waitMs);
    }
    for (const [name, { runMs, waitMs }] of Object.entries(sample.tasks)) {
      add(name, "worker task", runMs);
      add("for a thread", "waiting", waitMs);
    }
    for (const [name, ms] of Object.entries(sample.queueMs)) add(`queue "${name}"`, "waiting", ms * sample.pages);
  }
  const shown = [...rows.values()].filter(({ ms }) => ms >= 0.5).sort((a, b) => b.ms - a.ms);
  const order = ["network", "worker task", "waiting"];
  shown.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || b.ms - a.ms);
  return Plot.plot({
    ...base,
    height: 90 + 22 * shown.length,
    marginLeft: 170,
    marginRight: 70,
    x: { label: "ms a page", labelOffset: 40, grid: true },
    y: { label: null, domain: shown.map(({ name }) => name) },
    color: { domain: order, range: [ACCENT, "#7b61c9", SOFT], legend: true },
    marks: [
      Plot.barX(shown, { x: "ms", y: "name", fill: "kind" }),
      Plot.text(shown, {
        x: "ms",
        y: "name",
        text: (row: { ms: number }) => row.ms.toFixed(0),
        dx: 6,
        textAnchor: "start",
        fill: "currentColor",
      }),
    ],
  });
}

/** The page whose length is in the middle. */
function medianPage(spans: readonly Span[]): Span | undefined {
  const pages = spans.filter(({ kind }) => kind === "page").sort((a, b) => a.ms - b.ms);
  return pages[Math.floor(pages.length / 2)];
}

/** A page's work in order; runs of the same network one after the other are one bar. */
export function waterfallChart(report: Report): Chart {
  const page = medianPage(report.spans);
  if (page === undefined) return undefined;
  const own = report.spans
    .filter((span) => span.page === page.page && span.kind !== "page" && span.startMs + span.ms > page.startMs)
    .sort((a, b) => a.startMs - b.startMs);
  const bars: { name: string; kind: string; from: number; to: number; waited: number }[] = [];
  for (const span of own) {
    const [from, to] = [span.startMs - page.startMs, span.startMs + span.ms - page.startMs];
    const name = `${span.name.replaceAll("_", " ")}${span.kind === "queue" ? " queue" : ""}`;
    const last = bars.at(-1);
    if (last?.name === name && span.kind === "network") last.to = to;
    else bars.push({ name, kind: span.kind === "queue" ? "waiting" : span.kind, from, to, waited: from - span.waitMs });
  }
  const shown = bars.filter(({ from, to }) => to - from >= 1).map((bar, index) => ({ ...bar, row: String(index) }));
  const names = new Map(shown.map(({ row, name }) => [row, name]));
  return Plot.plot({
    ...base,
    height: 90 + 20 * shown.length,
    marginLeft: 170,
    x: { label: "ms since the page was begun", labelOffset: 40, grid: true },
    y: { label: null, domain: shown.map(({ row }) => row), tickFormat: (row: string) => names.get(row) ?? row },
    color: {
      domain: ["network", "task", "waiting"],
      range: [ACCENT, "#7b61c9", "color-mix(in srgb, var(--soft) 45%, transparent)"],
      legend: true,
    },
    marks: [
      Plot.barX(
        shown.filter(({ from, waited }) => from - waited >= 1),
        { x1: "waited", x2: "from", y: "row", fill: () => "waiting", insetTop: 5, insetBottom: 5 },
      ),
      Plot.barX(shown, { x1: "from", x2: "to", y: "row", fill: "kind" }),
    ],
  });
}

/** Devices and worker threads over the time of a run, coloured by page. */
export function timelineChart(report: Report): Chart {
  const spans = report.spans.filter(({ kind }) => kind === "network" || kind === "task");
  if (spans.length === 0) return undefined;
  const placed = rowsOf(spans).map(({ span, lane, row }) => ({
    page: span.page === "" ? "shared" : span.page.replace(/\.\w+$/, ""),
    name: span.name.replaceAll("_", " "),
    from: span.startMs / 1000,
    to: (span.startMs + span.ms) / 1000,
    lane: lane === "workers" ? `thread ${row + 1}` : row === 0 ? lane : `${lane}, ${row + 1}`,
  }));
  const lanes = [...new Set(placed.map(({ lane }) => lane))].sort(
    (a, b) => Number(a.startsWith("thread")) - Number(b.startsWith("thread")) || (a < b ? -1 : 1),
  );
  return Plot.plot({
    ...base,
    height: 100 + 34 * lanes.length,
    marginLeft: 90,
    x: { label: "seconds", labelOffset: 40, grid: true },
    y: { label: null, domain: lanes },
    color: { scheme: "Tableau10", legend: true, label: "page", type: "categorical" },
    marks: [
      Plot.barX(placed, { x1: "from", x2: "to", y: "lane", fill: "page", insetLeft: 0.2, insetRight: 0.2 }),
      Plot.tip(
        placed,
        Plot.pointerX({
          x1: "from",
          x2: "to",
          y: "lane",
          title: (one: { name: string; page: string; from: number; to: number }) =>
            `${one.name}, page ${one.page}\n${((one.to - one.from) * 1000).toFixed(0)} ms`,
          fill: "var(--card)",
        }),
      ),
    ],
  });
}

export function memoryChart(report: Report): Chart {
  const peak = [...bestSamples(report)].sort((a, b) => b.peakBytes - a.peakBytes)[0];
  if (peak === undefined) return undefined;
  const rows = Object.entries(peak.memoryByOwner)
    .map(([owner, bytes]) => ({ owner, memory: megabytes(bytes) }))
    .filter(({ memory }) => memory >= 0.5)
    .sort((a, b) => b.memory - a.memory);
  if (rows.length === 0) return undefined;
  return Plot.plot({
    ...base,
    height: 70 + 26 * rows.length,
    marginLeft: 120,
    marginRight: 70,
    x: { label: "MB", labelOffset: 40, grid: true },
    y: { label: null, domain: rows.map(({ owner }) => owner) },
    marks: [
      Plot.barX(rows, { x: "memory", y: "owner", fill: ACCENT }),
      Plot.text(rows, {
        x: "memory",
        y: "owner",
        text: (row: { memory: number }) => row.memory.toFixed(0),
        dx: 6,
        textAnchor: "start",
        fill: "currentColor",
      }),
    ],
  });
}
