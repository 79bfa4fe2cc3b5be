/** From the section `engine` of a configuration file to the options of an engine. */
import { withoutUndefined } from "../config/without-undefined.js";
import type { EngineSettings } from "../config/engine-settings.js";
import type { EngineOptions } from "./engine-options.js";

/** The options that a section asks for. */
export function engineOptionsOf(settings: EngineSettings): EngineOptions {
  const { provider, fallback, threads, sessionConfig, providerOptions, ...own } = settings;
  return {
    ...withoutUndefined(own),
    session: {
      provider: provider ?? "cpu",
      fallback: fallback ?? false,
      ...(threads ? { intraOpThreads: threads } : {}),
      ...(sessionConfig === undefined ? {} : { config: sessionConfig }),
      ...(providerOptions === undefined ? {} : { providerOptions }),
    },
  };
}
