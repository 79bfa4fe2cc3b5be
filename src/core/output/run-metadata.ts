/** The content of `processing_metadata.json`. */
import type { BatchEngine } from "../batch-engine.js";
import { OUTPUT_SETTINGS, PAGE_SETTINGS, type BatchConfig } from "../../config/batch-config.js";
import type { PageFailure, PageSuccess } from "../events.js";
import type { PageOrigin } from "./archive-metadata.js";
import { VERSION } from "../version.js";

export function runMetadata(
  engine: Pick<BatchEngine, "model">,
  config: BatchConfig,
  references: readonly string[],
  successes: readonly PageSuccess[],
  failures: readonly PageFailure[],
  inputs: readonly PageOrigin[],
  inColor: readonly string[],
): Record<string, unknown> & { readonly failures: readonly PageFailure[] } {
  const { name, version, trained } = engine.model.manifest;
  return {
    created_at: new Date().toISOString(),
    cobra_version: VERSION,
    model: { name, version, trained, hash: engine.model.hash },
    settings: Object.fromEntries([...PAGE_SETTINGS, ...OUTPUT_SETTINGS].map((key) => [key, config[key]])),
    references,
    pages: successes,
    failures,
    inputs,
    ...(inColor.length === 0 ? {} : { in_color: inColor }),
  };
}
