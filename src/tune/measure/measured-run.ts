/** One measured run: the real batch path over pages in a temporary folder. */
import { rm, stat } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { join } from "node:path";
import type { Engine } from "../../colorization/engine.js";
import { runBatch } from "../../core/run-batch.js";
import type { PageSuccess } from "../../core/events.js";
import { makeError } from "../../errors.js";
import { openPageSource } from "../../io/open-source.js";
import { sha256 } from "../../platform/sha256.js";
import { GpuMeter } from "./gpu-meter.js";
import { MachineMeter, peakMemory, resetPeakMemory } from "../../platform/machine-meter.js";
import type { RunOrder } from "./protocol.js";
import { Recorder } from "./recorder.js";
import type { Sample, Span } from "./sample.js";

const NANOSECONDS = 1e6;

/** Runs the batch and measures it. Rejects with the batch's error, and with a page's when one failed. */
export async function measureRun(
  engine: Engine,
  { settings, output, storage, withPictures }: RunOrder,
  onGpu: boolean,
): Promise<{ sample: Sample; spans: readonly Span[] }> {
  const path = storage === "archive" ? join(output, "pages.zip") : join(output, "pages");
  const pages: PageSuccess[] = [];
  const delay = monitorEventLoopDelay({ resolution: 5 });
  resetPeakMemory();
  const at = new Date().toISOString();
  const gpuMeter = onGpu ? new GpuMeter() : undefined;
  const copiedBefore = copiedBytes(engine);
  const recorder = new Recorder(() => engine.stats().memory.owners);
  delay.enable();
  const machine = new MachineMeter();
  const startMs = performance.now();
  try {
    const summary = await runBatch(
      engine,
      { ...settings, ...(storage === "archive" ? { outputZip: path } : { outputDir: path }) },
      { onEvent: (event) => void (event.type === "page-completed" && pages.push(event)) },
    );
    const wallMs = performance.now() - startMs;
    const figures = machine.stop();
    delay.disable();
    const gpu = gpuMeter?.stop();
    const recorded = recorder.end(pages.length, wallMs);
    const [failure] = summary.failures;
    if (failure !== undefined)
      throw makeError(failure.code, failure.message, { imagePath: failure.page, remedy: failure.remedy });
    const { joules, ...rest } = figures;
    const energy = joules === undefined && gpu === undefined ? undefined : (joules ?? 0) + (gpu?.joules ?? 0);
    const sample: Sample = {
      at,
      pages: pages.length,
      wallMs,
      pageMs: pages.map(({ elapsedMs }) => elapsedMs),
      stageMs: meanStages(pages),
      ...recorded,
      ...rest,
      ...copiedSince(copiedBefore, copiedBytes(engine)),
      peakBytes: peakMemory(),
      loopDelayMs: { p99: delay.percentile(99) / NANOSECONDS, max: delay.max / NANOSECONDS },
      outputBytes: await writtenBytes(path, pages, storage),
      pictures: withPictures ? await hashPictures(engine, path) : "",
      ...(energy === undefined ? {} : { joules: energy }),
      ...(gpu === undefined ? {} : { gpu: gpu.gpu }),
    };
    return { sample, spans: recorder.spans };
  } finally {
    gpuMeter?.stop();
    await rm(output, { recursive: true, force: true });
  }
}

function copiedBytes(engine: Engine): NonNullable<Sample["copiedBytes"]> {
  const all = engine.stats().devices.map(({ copied }) => copied);
  const sum = (way: "toDevice" | "fromDevice"): number => all.reduce((bytes, one) => bytes + one[way], 0);
  return { toDevice: sum("toDevice"), fromDevice: sum("fromDevice") };
}

function copiedSince(
  before: NonNullable<Sample["copiedBytes"]>,
  now: NonNullable<Sample["copiedBytes"]>,
): Pick<Sample, "copiedBytes"> {
  if (now.toDevice === 0) return {};
  return {
    copiedBytes: { toDevice: now.toDevice - before.toDevice, fromDevice: now.fromDevice - before.fromDevice },
  };
}

function meanStages(pages: readonly PageSuccess[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { stageMs } of pages)
    for (const [stage, ms] of Object.entries(stageMs)) sums[stage] = (sums[stage] ?? 0) + ms / pages.length;
  return sums;
}

async function writtenBytes(
  path: string,
  pages: readonly PageSuccess[],
  storage: RunOrder["storage"],
): Promise<number> {
  const files = storage === "archive" ? [path] : pages.map(({ output }) => output);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** SHA-256 over the pixels of all pictures, so that compression makes no difference. */
async function hashPictures(engine: Engine, path: string): Promise<string> {
  const source = await openPageSource(path);
  try {
    const hashes: string[] = [];
    for (const entry of source.entries()) {
      if (entry.kind !== "image") continue;
      const { image } = await engine.pool.decode(await entry.read(), entry.name);
      hashes.push(await sha256(image.data));
    }
    return await sha256(Buffer.from(hashes.join()));
  } finally {
    await source.close();
  }
}
