// Metrics and traces: what the channels tell arrives under the names of the table; Prometheus's own tool accepts them.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProxyTracerProvider, trace, type Span, type SpanOptions, type Tracer } from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBatch } from "../../../src/core/run-batch.js";
import { ImageProcessingError } from "../../../src/errors.js";
import { CHANNELS } from "../../../src/observe/channels.js";
import { Metrics } from "../../../src/observe/metrics/metrics.js";
import { startMetricsServer } from "../../../src/observe/metrics/metrics-server.js";
import { METRICS } from "../../../src/observe/metrics/table.js";
import { startTracing } from "../../../src/observe/tracing.js";
import { chapterFiles, writeFolder } from "../../support/chapter.js";
import { onPaper, paperEngine } from "../../support/paper-engine.js";

const DEPLOY = new URL("../../../deploy/", import.meta.url);
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-metrics-"));
  await writeFolder(join(root, "in"), await chapterFiles(3));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const promtool = ((): boolean => {
  try {
    execFileSync("promtool", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

async function runSome(out: string): Promise<void> {
  const engine = paperEngine((request) => {
    if (request.name === "p2.png")
      throw new ImageProcessingError("ERR_IMAGE_DECODE", "p2.png is torn", { imagePath: "p2.png" });
    return onPaper(request);
  });
  await runBatch(engine, { inputDir: join(root, "in"), outputDir: join(root, out) });
}

/** Values by name and labels. */
async function valuesOf(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.text();
  return new Map(
    body.split("\n").flatMap((line) => {
      const at = line.lastIndexOf(" ");
      return line.startsWith("#") || at < 0 ? [] : [[line.slice(0, at), Number(line.slice(at + 1))] as const];
    }),
  );
}

describe("Metrics", () => {
  it("counts pages by outcome and code, runs, waits, tasks and caches", async () => {
    using metrics = new Metrics();
    await runSome("counted");
    CHANNELS.networkRun.publish({
      model: "m",
      graph: "denoiser",
      style: "line",
      provider: "cpu",
      device: "cpu",
      waitMs: 20,
      runMs: 1500,
      error: "ERR_RUN",
    });
    CHANNELS.cache.publish({ cache: "references", outcome: "hit", bytes: 1, heldBytes: 77 });
    CHANNELS.together.publish({ pages: 3 });
    metrics.watchEngine(
      () => ({
        pool: { running: 2, queued: 3 },
        pages: { inFlight: 1 },
        memory: {
          totalBytes: 100,
          freeBytes: 40,
          owners: { model: { bytes: 30 }, "page a.png": { bytes: 20 }, "page b.png": { bytes: 10 } },
        },
        devices: [
          { device: "cpu:1", memory: { totalBytes: 100, freeBytes: 40, owners: { model: { bytes: 30 } } } },
          {
            device: "cuda:0",
            memory: {
              totalBytes: 50,
              freeBytes: 5,
              owners: { "page a.png": { bytes: 2 }, "page b.png": { bytes: 3 } },
            },
          },
        ],
      }),
      4,
    );
    metrics.describe("1.2.3", "cobra 1");
    const values = await valuesOf(metrics);
    for (const [name, value] of Object.entries({
      'cobra_pages_total{outcome="completed",code=""}': 2,
      'cobra_pages_total{outcome="failed",code="ERR_IMAGE_DECODE"}': 1,
      cobra_page_seconds_count: 2,
      'cobra_page_stage_seconds_count{stage="denoise"}': 2,
      'cobra_network_run_seconds_bucket{le="1",network="denoiser",provider="cpu"}': 0,
      'cobra_network_run_seconds_bucket{le="2",network="denoiser",provider="cpu"}': 1,
      'cobra_network_run_seconds_sum{network="denoiser",provider="cpu"}': 1.5,
      'cobra_network_errors_total{network="denoiser",code="ERR_RUN"}': 1,
      'cobra_cache_uses_total{cache="references",outcome="hit"}': 1,
      'cobra_cache_bytes{cache="references"}': 77,
      'cobra_memory_held_bytes{owner="page"}': 30,
      'cobra_memory_held_bytes{owner="model"}': 30,
      cobra_memory_free_bytes: 40,
      'cobra_device_memory_total_bytes{device="cuda:0"}': 50,
      'cobra_device_memory_held_bytes{device="cuda:0",owner="page"}': 5,
      'cobra_device_memory_held_bytes{device="cpu:1",owner="model"}': undefined,
      'cobra_pages_together_bucket{le="2"}': 0,
      'cobra_pages_together_bucket{le="3"}': 1,
      'cobra_pool_tasks{state="queued"}': 3,
      'cobra_build_info{version="1.2.3",model="cobra 1"}': 1,
    }))
      expect([name, values.get(name)]).toEqual([name, value]);
    await runSome("counted"); // the same again: pages of an earlier run
    expect((await valuesOf(metrics)).get('cobra_pages_total{outcome="kept",code=""}')).toBe(2);
  });

  it("has names by Prometheus' rules", () => {
    for (const [name, { type }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^cobra_[a-z]+(?:_[a-z]+)*$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      if (type === "histogram") expect(name).toMatch(/_seconds$/);
    }
  });

  it.skipIf(!promtool)("passes promtool, as do the alert rules (needs Debian's package prometheus)", async () => {
    using metrics = new Metrics();
    await runSome("promtool");
    const { body } = await metrics.text();
    const own = body
      .split("\n")
      .filter((line) => /^(?:# \w+ )?cobra_/.test(line))
      .join("\n");
    execFileSync("promtool", ["check", "metrics"], { input: `${own}\n` });
    execFileSync("promtool", ["check", "rules", new URL("prometheus/alerts.yaml", DEPLOY).pathname]);
  });

  it("is what dashboard and alerts ask for, and no others", async () => {
    using metrics = new Metrics();
    const { body } = await metrics.text();
    const known = new Set([...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const dashboard = JSON.parse(await readFile(new URL("grafana/dashboard.json", DEPLOY), "utf8")) as {
      panels: { targets: { expr: string }[] }[];
    };
    const alerts = await readFile(new URL("prometheus/alerts.yaml", DEPLOY), "utf8");
    const texts = [...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)), alerts];
    const asked = texts.flatMap((text) => text.match(/\b(?:cobra|nodejs|process)_[a-z0-9_]+/g) ?? []);
    expect(asked.length).toBeGreaterThan(15);
    for (const name of asked) expect(known).toContain(name.replace(/_(?:bucket|sum|count)$/, ""));
  });
});

describe("startMetricsServer", () => {
  it("answers /metrics, /healthz, /readyz and nothing else; a port in use is ERR_LISTEN", async () => {
    using metrics = new Metrics();
    let faults = ["the model is not loaded"];
    const server = await startMetricsServer({ host: "127.0.0.1", port: 0, metrics, ready: async () => faults });
    try {
      const get = async (path: string, method = "GET"): Promise<[number, string]> => {
        const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
        return [answer.status, await answer.text()];
      };
      expect(await get("/healthz")).toEqual([200, "ok\n"]);
      expect(await get("/readyz")).toEqual([503, "the model is not loaded\n"]);
      faults = [];
      expect(await get("/readyz")).toEqual([200, "ready\n"]);
      expect((await get("/metrics"))[1]).toContain("# TYPE cobra_pages_total counter");
      expect([(await get("/"))[0], (await get("/metrics", "POST"))[0]]).toEqual([404, 405]);
      await expect(
        startMetricsServer({ host: "127.0.0.1", port: server.port, metrics, ready: async () => [] }),
      ).rejects.toMatchObject({ code: "ERR_LISTEN" });
    } finally {
      await server.close();
    }
  });
});

describe("startTracing", () => {
  it("does nothing without an SDK", async () => {
    expect(await startTracing("1")).toBeUndefined();
    expect(CHANNELS.page.isWatched).toBe(false);
  });

  it("makes a span of each page, and in it of what is done for it", async () => {
    const ended: { name: string; parent: string | undefined }[] = [];
    const tracer = {
      startSpan: (name: string, _options: SpanOptions, within: Parameters<Tracer["startSpan"]>[2]) => {
        const parent =
          within === undefined ? undefined : (trace.getSpan(within) as { name?: string } | undefined)?.name;
        const span = { name, setStatus: () => span, setAttribute: () => span, end: () => ended.push({ name, parent }) };
        return span as unknown as Span;
      },
    };
    expect(trace.setGlobalTracerProvider({ getTracer: () => tracer as unknown as Tracer })).toBe(true);
    try {
      using tracing = await startTracing("1");
      expect(tracing).toBeDefined();
      const end = CHANNELS.page.subscribe(({ state, job, page }) => {
        if (state === "started")
          CHANNELS.task.publish({ task: "decode", outcome: "completed", waitMs: 0, runMs: 1, job: job!, page });
      });
      await runSome("traced");
      end();
      expect(ended.filter(({ name }) => name === "page")).toHaveLength(3);
      expect(ended.filter(({ name, parent }) => name === "task decode" && parent === "page")).toHaveLength(3);
    } finally {
      trace.disable();
    }
    expect(trace.getTracerProvider()).toBeInstanceOf(ProxyTracerProvider);
  });
});
