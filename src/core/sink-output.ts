/** A run's output that is passed to a sink, page by page. There is no journal: every run does all pages. */
import type { PageSettings } from "../config/batch-config.js";
import { layersFolder, LAYER_NAMES } from "../io/names/output-names.js";
import type { PageSink } from "../io/page-sink.js";
import type { SourceEntry } from "../io/page-source.js";
import type { PageSuccess } from "./events.js";
import type { Notice } from "../errors/notice.js";
import type { CrashPolicy } from "./journal/crash-evidence.js";
import type { PageKey } from "./journal/entries.js";
import { RunHistory } from "./journal/history.js";
import { carryFiles } from "./output/carried-files.js";
import type { BatchPage, EncodedPage } from "./pages/batch-page.js";
import type { Finished, RunMetadata, RunOutput } from "./run-output.js";

export class SinkOutput implements RunOutput {
  readonly warnings: readonly Notice[] = [];
  readonly history = new RunHistory();
  readonly #sink: PageSink;
  #notices: Notice[] = [];
  readonly #fingerprint: (settings: PageSettings) => string;

  constructor(sink: PageSink, fingerprint: (settings: PageSettings) => string) {
    this.#sink = sink;
    this.#fingerprint = fingerprint;
  }

  fingerprint(settings: PageSettings): string {
    return this.#fingerprint(settings);
  }

  keyOf({ entry, settings, inputSha256 }: BatchPage): PageKey {
    return { page: entry.name, fingerprint: this.fingerprint(settings), inputSha256 };
  }

  async finished(): Promise<undefined> {}

  async standing(): Promise<undefined> {}

  crashPolicy(): CrashPolicy {
    return { kind: "normal" };
  }

  begin(): void {}

  enterStage(): void {}

  async write(page: BatchPage, { bytes, layers, facts }: EncodedPage): Promise<PageSuccess> {
    const { entry, outputName, settings, startedMs } = page;
    const beside = layersFolder(outputName);
    const written: string[] = [];
    for (const [index, layer] of (layers ?? []).entries())
      written.push(await this.#sink.write(`${beside}/${LAYER_NAMES[index]!}`, layer));
    return {
      page: entry.name,
      output: await this.#sink.write(outputName, bytes),
      ...(written.length === 0 ? {} : { layers: written }),
      ...facts,
      seed: settings.seed,
      elapsedMs: performance.now() - startedMs,
    };
  }

  async fail(): Promise<void> {}

  async noteFaults(): Promise<void> {}

  takeNotices(): Notice[] {
    return this.#notices.splice(0);
  }

  async finish(_: readonly BatchPage[], carried: readonly SourceEntry[], metadata: RunMetadata): Promise<Finished> {
    this.#notices = await carryFiles(carried, (entry) => this.#sink.carry(entry));
    return { written: await this.#sink.finish(metadata) };
  }

  async report(): Promise<void> {}

  stop(): Promise<void> {
    return this.#sink.abort();
  }
}
