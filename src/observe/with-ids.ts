/** Gives work the ids of its batch and page where somebody may see them. */
import { logContext, logSettings, withLogContext, type LogContext } from "../logging.js";
import { CHANNELS } from "./channels.js";

/**
 * `withLogContext`, but only while lines are logged, a channel is listened to, or the caller has ids already. Before
 * Node 24 ids that travel with asynchronous work have hooks run for each promise of the process: a millisecond a page.
 */
export function withIds<T>(ids: LogContext, work: () => T): T {
  return areSeen() ? withLogContext(ids, work) : work();
}

function areSeen(): boolean {
  return (
    logSettings() !== undefined ||
    Object.values(CHANNELS).some(({ isWatched }) => isWatched) ||
    Object.keys(logContext()).length > 0
  );
}
