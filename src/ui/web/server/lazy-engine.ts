/** The engine of this process, opened when the first page needs it; its model can be described before that. */
import type { ColorizedImage, ColorizeImageOptions } from "../../../colorization/colorize-image.js";
import type { EngineOptions } from "../../../colorization/engine-options.js";
import type { Engine } from "../../../colorization/engine.js";
import type { Style } from "../../../config/batch-config.js";
import type { ServerInfo } from "../api/schemas.js";
import { oneEngine } from "../jobs/job-colorizer.js";
import type { Backend, PageLines } from "./backend.js";
import { ModelFacts } from "./model-facts.js";

/** One engine for all jobs and calls. */
export class LazyEngine implements Backend {
  readonly unavailable = [];
  readonly farm = undefined;
  readonly #options: EngineOptions;
  readonly #facts: ModelFacts;
  #opening: Promise<Engine> | undefined;

  /** @param onOpen told of the engine once it is open */
  constructor(
    options: EngineOptions,
    readonly onOpen: (engine: Engine) => void = () => {},
  ) {
    this.#options = options;
    this.#facts = new ModelFacts(options.model);
  }

  /** Opens the engine, or gives the one that is open. One that could not be opened is tried again by the next call. */
  readonly open = (): Promise<Engine> => {
    this.#opening ??= openEngine(this.#options).then(
      (engine) => {
        this.onOpen(engine);
        return engine;
      },
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  };

  readonly jobs = oneEngine(this.open);

  get namedDirectory(): string | undefined {
    return this.#facts.namedDirectory;
  }

  model(): Promise<Pick<ServerInfo, "model" | "styles" | "ignored">> {
    return this.#facts.info();
  }

  async colorizeImage(picture: Uint8Array, options: ColorizeImageOptions): Promise<ColorizedImage> {
    return (await this.open()).colorizeImage(picture, options);
  }

  async lines(page: Uint8Array, name: string, style: Style | undefined): Promise<PageLines> {
    const engine = await this.open();
    const wanted = style ?? engine.styles.find((one) => one === "line + shadow") ?? engine.styles[0]!;
    const { image } = await engine.pool.decode(new Uint8Array(page), name, { keepGray: true });
    const lines = await engine.extractLines(image, wanted);
    const bytes = await engine.pool.encode(lines, { format: "png" }, name);
    return { bytes, version: `${engine.model.hash.slice(0, 8)}-${wanted.replace(/\W/g, "")}` };
  }

  async close(): Promise<void> {
    await (await this.#opening?.catch(() => undefined))?.close();
  }
}

async function openEngine(options: EngineOptions): Promise<Engine> {
  const [{ Engine: Loaded }, { configureOwnProcess }] = await Promise.all([
    import("../../../colorization/engine.js"),
    import("../../../io/image/own-process.js"),
  ]);
  configureOwnProcess();
  return Loaded.open(options);
}
