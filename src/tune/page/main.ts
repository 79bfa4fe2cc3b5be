/** The page of a report: what to change and why, then the charts. It is one file, and loads nothing. */
import type { MeasuredInReport, Report } from "../report/report.js";
import { memoryChart, paretoChart, sensitivityChart, timelineChart, waterfallChart, whereTimeGoes } from "./charts.js";

declare global {
  var tuneReport: Report;
}

type Child = Node | string;

/** An element with its children. */
function el(name: string, attributes: Record<string, string> = {}, ...children: readonly Child[]): HTMLElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function card(title: string, text: string, ...children: readonly (Child | undefined)[]): HTMLElement {
  const shown = children.filter((child) => child !== undefined);
  return el(
    "section",
    { class: "card" },
    el("h2", {}, title),
    el("p", { class: "soft" }, text),
    el(
      "div",
      { class: "scroll" },
      ...(shown.length > 0 ? shown : [el("p", {}, "Nothing was measured for this chart.")]),
    ),
  );
}

function figure(value: string, what: string): HTMLElement {
  return el("div", { class: "figure" }, el("b", {}, value), el("span", { class: "soft" }, what));
}

const bytes = (size: number): string => (size < 1e9 ? `${Math.round(size / 1e6)} MB` : `${(size / 1e9).toFixed(2)} GB`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const percent = (share: number): string => `${Math.round(100 * share)} %`;

function figures({ summary }: MeasuredInReport, { machine }: Report): readonly HTMLElement[] {
  if (summary === undefined) return [];
  const {
    pagesPerMinute,
    pageMs,
    peakBytes,
    coresBusy,
    deviceBusy,
    copiedBytesPerPage: copied,
    joulesPerPage,
  } = summary;
  return [
    figure(
      pagesPerMinute.value.toFixed(1),
      `pages a minute (${pagesPerMinute.low.toFixed(1)} to ${pagesPerMinute.high.toFixed(1)})`,
    ),
    figure(
      seconds(pageMs.p50),
      `a page, median; 95 % within ${seconds(pageMs.p95)}, 99 % within ${seconds(pageMs.p99)}`,
    ),
    figure(bytes(peakBytes), "peak memory"),
    figure(percent(coresBusy / machine.cores), `of ${machine.cores} cores busy`),
    figure(percent(deviceBusy), "of the time the busiest device ran networks"),
    ...(copied === undefined
      ? []
      : [figure(bytes(copied.toDevice), `to the device a page, and ${bytes(copied.fromDevice)} back`)]),
    ...(joulesPerPage === undefined ? [] : [figure(`${joulesPerPage.toFixed(0)} J`, "energy a page")]),
  ];
}

function table(report: Report): HTMLElement {
  const defaults = report.measured.find(({ id }) => id === "defaults")?.summary?.pagesPerMinute.value;
  const rows = [...report.measured].sort(
    (a, b) => (b.summary?.pagesPerMinute.value ?? 0) - (a.summary?.pagesPerMinute.value ?? 0),
  );
  const head = ["setting", "pages/min", "times defaults", "page p50", "page p95", "peak memory", "kB a page", "runs"];
  const cells = ({ id, summary, samples, fault, keepsLimits, samePictures }: MeasuredInReport): string[] => {
    const notes = [
      ...(keepsLimits || summary === undefined ? [] : ["breaks a limit"]),
      ...(samePictures === false ? ["other pixels"] : []),
    ];
    const name = notes.length === 0 ? id : `${id} (${notes.join(", ")})`;
    if (summary === undefined) return [`${name}: ${fault ?? "not measured"}`, "", "", "", "", "", "", "0"];
    return [
      name,
      summary.pagesPerMinute.value.toFixed(1),
      defaults === undefined ? "" : (summary.pagesPerMinute.value / defaults).toFixed(2),
      seconds(summary.pageMs.p50),
      seconds(summary.pageMs.p95),
      bytes(summary.peakBytes),
      (summary.outputBytesPerPage / 1000).toFixed(0),
      String(samples.length),
    ];
  };
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...head.map((text) => el("th", {}, text)))),
    el(
      "tbody",
      {},
      ...rows.map((row) =>
        el("tr", row.id === report.best ? { class: "best" } : {}, ...cells(row).map((text) => el("td", {}, text))),
      ),
    ),
  );
}

function page(report: Report): readonly HTMLElement[] {
  const { model, machine, input, provider } = report;
  const best = report.measured.find(({ id }) => id === report.best) ?? report.measured[0];
  const left =
    report.left.length === 0 ? [] : [`There was no time for ${report.left.join(", ")}; run it again to go on.`];
  return [
    el(
      "header",
      {},
      el("h1", {}, "Settings for this machine"),
      el(
        "p",
        { class: "soft" },
        `${model.name} ${model.version} (${model.precision}) on ${provider}; ${machine.cpu}, ${machine.cores} cores, ${bytes(machine.memoryBytes)}${machine.gpus.length > 0 ? `, ${machine.gpus.join(", ")}` : ""}; ${input.pages} pages of ${input.name}, ${report.pagesPerSample} a run; goal: ${report.goal}; ${Math.round(report.elapsedMs / 1000)} s of measuring, ${report.createdAt.slice(0, 10)}, version ${report.cobraVersion}`,
      ),
    ),
    el(
      "section",
      { class: "card" },
      el("p", { class: "lead" }, report.conclusion),
      el("p", {}, report.limit.text),
      ...[...report.warnings, ...left].map((text) => el("p", { class: "warning" }, text)),
      el("div", { class: "figures" }, ...(best === undefined ? [] : figures(best, report))),
    ),
    card(
      "Speed against memory",
      "Each dot is a setting. Nothing is both faster and smaller than those on the line; choose the one that fits your memory.",
      paretoChart(report),
    ),
    card(
      "What each knob does",
      "One knob moved, all others at their defaults, by the goal. Right of the line is better than the defaults. The bar is where the true figure lies with 95 %, from few runs: single dots are single runs.",
      sensitivityChart(report),
    ),
    card(
      "Where the time goes",
      "Milliseconds a page with the best setting. Pages overlap, so that these add up to more than a page takes of the chapter's time.",
      whereTimeGoes(report),
    ),
    card(
      "One page on its way",
      "The page of median length in one run of the best setting. Pale is waiting: for its turn, for a thread, for the device.",
      waterfallChart(report),
    ),
    card(
      "Timeline",
      "One run of the best setting. Gaps in a device's row are time that it waited. trace.json has the same for ui.perfetto.dev.",
      timelineChart(report),
    ),
    card("Memory", "What was booked at the peak of the best setting, by owner.", memoryChart(report)),
    card("All settings", "Medians; “times defaults” is pages a minute against the defaults.", table(report)),
  ];
}

document.querySelector("#report")!.append(...page(globalThis.tuneReport));
