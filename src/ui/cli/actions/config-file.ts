/** Reads the configuration file of a command. What a pipe gives, as `<(command)`, is kept: it comes only once. */
import { stat } from "node:fs/promises";
import { ConfigurationHandler, type ConfigFile } from "../../../config/configuration-handler.js";
import type { EngineSettings } from "../../../config/engine-settings.js";
import { typedPath } from "../../../core/input/typed-path.js";

const piped = new Map<string, ConfigurationHandler>();

/** A handler that answers from a file, and the file. */
interface LoadedConfig {
  readonly handler: ConfigurationHandler;
  readonly file: ConfigFile;
}

const NO_FILE: ConfigFile = { default: {}, images: {}, engine: {} };

/**
 * A handler that answers from the file; without a path from none. A file is read at each call, so that `watch` follows
 * its changes.
 * @param stop gives up waiting for a pipe
 * @throws ConfigurationError `ERR_CONFIG`
 */
export async function loadConfigFile(path: string | undefined, stop?: AbortSignal): Promise<LoadedConfig> {
  if (path === undefined) return { handler: new ConfigurationHandler(), file: NO_FILE };
  const typed = typedPath(path);
  const known = piped.get(typed);
  const handler = known ?? new ConfigurationHandler();
  const isPipe = known !== undefined || (await stat(typed).catch(() => undefined))?.isFIFO() === true;
  const file = await handler.loadConfigFile(typed, stop === undefined ? {} : { signal: stop });
  if (isPipe) piped.set(typed, handler);
  return { handler, file };
}

/** What a command that has no settings of pages takes from a configuration file. */
export async function readEngineFile(
  path: string | undefined,
  stop?: AbortSignal,
): Promise<{ engine: EngineSettings; maxConcurrent: number | undefined }> {
  const { engine, default: all } = (await loadConfigFile(path, stop)).file;
  return { engine, maxConcurrent: all.maxConcurrent };
}
