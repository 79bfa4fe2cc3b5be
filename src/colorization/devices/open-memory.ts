/** Makes an engine's memory manager and the lanes of its devices: each of them asks the other what is free. */
import { MemoryManager } from "../../memory/memory-manager.js";
import type { ModelPackage } from "../../model/package.js";
import { sessionWeightBytes } from "../../model/requirements.js";
import type { EngineOptions } from "../engine-options.js";
import type { OpenNetwork } from "../networks/network-sessions.js";
import type { Networks } from "../networks/networks.js";
import type { RunTable } from "../networks/run-times.js";
import { PageMemory } from "../page-memory.js";
import type { DeviceLanes } from "./device-lanes.js";
import { deviceSessions, hasOwnMemory } from "./device-names.js";
import { openLanes } from "./open-lanes.js";

/** What the lanes need besides the options. */
interface LaneParts {
  readonly runs: RunTable;
  readonly openNetwork: OpenNetwork | undefined;
}

export function openMemory(
  model: ModelPackage,
  options: EngineOptions,
  { runs, openNetwork }: LaneParts,
): { memory: MemoryManager; lanes: DeviceLanes } {
  const needs = new PageMemory(model);
  const sessions = deviceSessions(options);
  const isApart = sessions.map(({ session }) => hasOwnMemory(session, options));
  const networks = (): Networks[] => lanes.ready.map((lane) => lane.networks);
  const memory = new MemoryManager({
    needs: isApart.every(Boolean) ? needs.besideDevices() : needs,
    modelBytes: isApart.every(Boolean) ? 0 : sessionWeightBytes(model),
    arenas: () => networks().flatMap((one) => one.openSessions()),
    shrinkArenas: async () => void (await Promise.all(networks().map((one) => one.shrinkArenas()))),
    budgetBytes: options.memoryBudgetBytes,
    threshold: options.memoryThreshold,
    usefulPages: (topK) => lanes.ready.reduce((sum, lane) => sum + lane.memory.pagesInFlight(topK), 0),
  });
  const lanes: DeviceLanes = openLanes(sessions, { model, options, needs, isApart, host: memory, runs, openNetwork });
  return { memory, lanes };
}
