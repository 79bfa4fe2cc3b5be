/** The engine, opened when the first page needs it; what its model is can be told before. */
import type { EngineOptions } from "../../../colorization/engine-options.js";
import type { Engine } from "../../../colorization/engine.js";
import { openModelPackage, type ModelPackage } from "../../../model/package.js";
import { embeddedModelDirectory, modelDirectory } from "../../../model/default-model.js";
import { ignoredSettings } from "../../../model/ignored-settings.js";
import type { ServerInfo } from "../api/schemas.js";

/** One engine for all jobs and calls. */
export class LazyEngine {
  readonly #options: EngineOptions;
  #opening: Promise<Engine> | undefined;
  #package: Promise<ModelPackage> | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Opens the engine, or gives the one that is open. One that could not be opened is tried again by the next call. */
  readonly open = (): Promise<Engine> => {
    this.#opening ??= openEngine(this.#options).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  };

  /** Folder of the model package. */
  get directory(): string {
    return modelDirectory(this.#options.model);
  }

  /** The same, undefined for the embedded model and for a name that leads nowhere. */
  get namedDirectory(): string | undefined {
    try {
      const { directory } = this;
      return directory === embeddedModelDirectory() ? undefined : directory;
    } catch {
      return undefined;
    }
  }

  /**
   * What the model is and what it heeds, from its manifest.
   * @throws ModelError `ERR_MODEL_*`
   */
  async model(): Promise<Pick<ServerInfo, "model" | "styles" | "ignored">> {
    this.#package ??= openModelPackage(this.directory, { verify: false }).catch((error: unknown) => {
      this.#package = undefined;
      throw error;
    });
    const { manifest, styles, directory } = await this.#package;
    const { name, version, trained } = manifest;
    return {
      model: { name, version, trained, standIn: directory === embeddedModelDirectory() },
      styles: [...styles],
      ignored: ignoredSettings(manifest).map(({ key, because, unless }) => ({
        setting: key,
        because,
        ...(unless === undefined ? {} : { unless }),
      })),
    };
  }

  /** Waits for the pages in flight, then frees everything. */
  async close(): Promise<void> {
    await (await this.#opening?.catch(() => undefined))?.close();
  }
}

async function openEngine(options: EngineOptions): Promise<Engine> {
  const [{ Engine: Loaded }, { configureSharpForOwnProcess }] = await Promise.all([
    import("../../../colorization/engine.js"),
    import("../../../io/image/own-process.js"),
  ]);
  configureSharpForOwnProcess();
  return Loaded.open(options);
}
