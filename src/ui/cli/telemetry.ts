/** Telemetry of a command: metrics over HTTP if a flag asks for them, traces if an SDK is there. */
import type { Engine } from "../../colorization/engine.js";
import { VERSION } from "../../core/version.js";
import type { Metrics } from "../../observe/metrics/metrics.js";
import { startTracing } from "../../observe/tracing.js";
import type { MetricsFlags } from "./flags/metrics-flags.js";

/** A command that is watched. */
export interface Telemetry extends AsyncDisposable {
  /** Undefined if nobody asked for them. */
  readonly metrics: Metrics | undefined;
  /** Shows an engine's counters from now on. */
  engine(engine: Engine): void;
}

/**
 * Begins.
 * @param ready what keeps the command from working; default: nothing once its engine is open
 * @throws ResourceError `ERR_LISTEN`
 */
export async function startTelemetry(
  { metricsPort, metricsHost = "127.0.0.1" }: Partial<MetricsFlags>,
  ready?: () => Promise<readonly string[]>,
): Promise<Telemetry> {
  const tracing = await startTracing(VERSION);
  let opened: Engine | undefined;
  if (metricsPort === undefined)
    return { metrics: undefined, engine: () => {}, [Symbol.asyncDispose]: async () => tracing?.[Symbol.dispose]() };
  const [{ Metrics: Made }, { startMetricsServer }] = await Promise.all([
    import("../../observe/metrics/metrics.js"),
    import("../../observe/metrics/metrics-server.js"),
  ]);
  const metrics = new Made();
  metrics.describe(VERSION, "");
  const hasModel = async (): Promise<readonly string[]> => (opened === undefined ? ["the model is not loaded"] : []);
  const server = await startMetricsServer({ host: metricsHost, port: metricsPort, metrics, ready: ready ?? hasModel });
  return {
    metrics,
    engine: (engine) => {
      opened = engine;
      metrics.describe(VERSION, `${engine.model.manifest.name} ${engine.model.manifest.version}`);
      metrics.watchEngine(() => engine.stats(), engine.pool.maxThreads);
    },
    [Symbol.asyncDispose]: async () => {
      tracing?.[Symbol.dispose]();
      await server.close();
      metrics[Symbol.dispose]();
    },
  };
}
