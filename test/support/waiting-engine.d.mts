import type { BatchEngine } from "../../src/core/batch-engine.js";
import type { QueuedModel } from "../../src/farm/queue/farm-queue.js";
export const MODEL: QueuedModel;
export function waitingEngine(
  pool: BatchEngine["pool"],
  ms: number,
  read?: (hash: string) => Promise<Uint8Array>,
): BatchEngine;
