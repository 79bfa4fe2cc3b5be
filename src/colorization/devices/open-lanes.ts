/** Makes the lanes of an engine's devices, each with its networks, its memory and its ledger. */
import { availableParallelism } from "node:os";
import type { DeviceMemory, InferenceSession } from "../../binding/index.js";
import { DeviceMemoryManager } from "../../memory/device-memory.js";
import type { MemoryManager } from "../../memory/memory-manager.js";
import { PAGES_ON_DEVICE, pagesOnCores } from "../../memory/pressure.js";
import type { ModelPackage } from "../../model/package.js";
import { apartWeightBytes, sessionWeightBytes } from "../../model/requirements.js";
import type { EngineOptions } from "../engine-options.js";
import type { OpenNetwork } from "../networks/network-sessions.js";
import type { RunTable } from "../networks/run-times.js";
import { weightBooks } from "../networks/shared-weights.js";
import { SharedPlanes } from "../networks/staging.js";
import type { PageMemory } from "../page-memory.js";
import { DeviceLane } from "./device-lane.js";
import { DeviceLanes } from "./device-lanes.js";
import type { deviceSessions } from "./device-names.js";

interface LaneParts {
  readonly model: ModelPackage;
  readonly options: EngineOptions;
  readonly needs: PageMemory;
  /** Of each device: whether it has memory of its own. */
  readonly isApart: readonly boolean[];
  /** The memory of those that have none. */
  readonly host: MemoryManager;
  readonly runs: RunTable;
  /** In the place of ONNX Runtime's. */
  readonly openNetwork: OpenNetwork | undefined;
}

/** @param sessions where the networks of each device run */
export function openLanes(
  sessions: ReturnType<typeof deviceSessions>,
  { model, options, needs, isApart, host, runs, openNetwork }: LaneParts,
): DeviceLanes {
  const planes = new SharedPlanes();
  const lanes = sessions.map(
    ({ name, session }, index) =>
      new DeviceLane({
        name,
        model,
        session,
        memory: (own) =>
          new DeviceMemoryManager({
            device: name,
            host: isApart[index] === true ? undefined : host,
            limitBytes: options.deviceMemoryBytes,
            measure: () => measured(own().openSessions()[0]),
            needs: needs.onDevice(),
            usefulPages:
              openNetwork === undefined && !isApart[index] ? pagesOnCores(availableParallelism()) : PAGES_ON_DEVICE,
            arenas: () => own().openSessions(),
            shrinkArenas: () => own().shrinkArenas(),
            rebuildSessions: () => own().rebuild(),
          }),
        book: ({ ledger, isApart: isOwn }) => {
          if (isOwn) ledger.hold("weights", sessionWeightBytes(model));
          const bytes = model.styles.map((style) => apartWeightBytes(model, style, session.provider ?? "cpu"));
          return weightBooks(ledger, Math.max(...bytes));
        },
        runs,
        planes,
        keepStyles: options.keepStyles ?? true,
        maxBatch: options.maxBatch,
        openNetwork,
      }),
  );
  return new DeviceLanes(lanes, planes);
}

/** What the driver says of a session's device; undefined before one is open and where it says nothing. */
function measured(session: InferenceSession | undefined): DeviceMemory | undefined {
  const { freeBytes, totalBytes } = session?.device.figures() ?? {};
  return freeBytes === undefined || totalBytes === undefined ? undefined : { freeBytes, totalBytes };
}
