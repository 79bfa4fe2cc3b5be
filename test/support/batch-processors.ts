// Batch processors on a real engine and real pages, each with an output of its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { BatchProcessor, type BatchProcessorOptions } from "../../src/core/batch-processor.js";
import type { BatchEvent } from "../../src/core/events.js";
import { colourPage, linePage, writeFolder } from "./chapter.js";
import { ONE_THREAD, SMALL_MODEL } from "./shared-models.js";

export class BatchProcessors implements AsyncDisposable {
  #outputs = 0;

  private constructor(
    readonly root: string,
    readonly engine: Engine,
  ) {}

  /** Folders `in` with six pages, `faulty`, `folders` and `mixed`, and references in `refs`. */
  static async open(): Promise<BatchProcessors> {
    const root = await mkdtemp(join(tmpdir(), "cobra-processor-"));
    const at = (name: string): string => join(root, name);
    const pages = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => linePage(seed)));
    await writeFolder(at("in"), Object.fromEntries(pages.map((page, index) => [`p${index + 1}.png`, page])));
    await writeFolder(at("faulty"), {
      "p1.png": pages[0]!,
      "p2.png": Buffer.from("no picture"),
      "p3.png": pages[2]!.subarray(0, 600),
      "p4.png": pages[3]!,
    });
    await writeFolder(at("folders"), { "a/001.png": pages[0]!, "b/001.png": pages[1]! });
    const reference = await colourPage(1);
    await writeFolder(at("refs"), { "x.jpg": reference });
    await writeFolder(at("mixed"), { "1.png": pages[0]!, "2.jpg": reference });
    return new BatchProcessors(root, await Engine.open({ model: SMALL_MODEL, session: ONE_THREAD }));
  }

  at(name: string): string {
    return join(this.root, name);
  }

  /** A processor of two steps a page, and the events that it has told. */
  processor(
    settings: Partial<BatchConfigInput> = {},
    options: BatchProcessorOptions = {},
  ): { batch: BatchProcessor; events: BatchEvent[]; out: string } {
    const out = this.at(`out-${this.#outputs++}`);
    const events: BatchEvent[] = [];
    const { config } = parseBatchConfig({
      inputDir: this.at("in"),
      outputDir: out,
      referenceImages: [this.at("refs")],
      numInferenceSteps: 2,
      ...settings,
    });
    const onEvent = (event: BatchEvent): void => (events.push(event), options.onEvent?.(event));
    return { batch: new BatchProcessor(this.engine, config, { ...options, onEvent }), events, out };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

export const pagesOf = (events: readonly BatchEvent[], type: BatchEvent["type"]): string[] =>
  events.flatMap((event) => (event.type === type && "page" in event ? [event.page] : []));

/** Resolves when an event of the type was told `times` times. */
export function told(batch: BatchProcessor, type: BatchEvent["type"], times = 1): Promise<void> {
  const events = batch.events();
  return (async () => {
    for await (const event of events) if (event.type === type && --times === 0) return;
  })();
}
