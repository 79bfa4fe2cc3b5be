/** Reports the memory of the host and the devices: total and used. */
import type { AllocatorStats, DeviceMemory } from "../binding/index.js";
import type { HostMemory } from "../platform/host-memory.js";

/** What the arenas of all CPU devices are filed under. */
const HOST = undefined;

/** An arena's figures and its device's; as an `InferenceSession` reports them. */
export interface ArenaSource {
  readonly device: { readonly name: string; readonly onHost: boolean };
  allocatorStats(): AllocatorStats;
  deviceMemory(): DeviceMemory | undefined;
}

/** Memory of one place. `share` = used / total. */
export interface PlaceUsage {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly share: number;
}

/** Memory of the host, and this process's part of it. */
export interface HostUsage extends PlaceUsage {
  /** Which limit `totalBytes` is. */
  readonly limitedBy: HostMemory["limitedBy"] | "budget";
  /** Resident memory of this process. */
  readonly processBytes: number;
  /** Memory of the sessions' host arenas, and the part that is in use. */
  readonly arenaBytes: number;
  readonly arenaUsedBytes: number;
}

/** Memory of one device that sessions are on. */
export interface DeviceUsage extends PlaceUsage {
  /** "cuda:0" */
  readonly device: string;
  /**
   * Whether `totalBytes` is the device's own figure; otherwise arena limits, or the arenas themselves where they have
   * none.
   */
  readonly isMeasured: boolean;
  readonly arenaBytes: number;
  readonly arenaUsedBytes: number;
}

/** Used memory of the host and of the devices. */
export interface MemoryUsage {
  readonly host: HostUsage;
  readonly devices: readonly DeviceUsage[];
}

/**
 * Used memory of the host and of each device that sessions are on.
 * @param budgetBytes what this process may take at most, where that is named
 */
export function memoryUsage(figures: HostMemory, arenas: readonly ArenaSource[], budgetBytes?: number): MemoryUsage {
  const { totalBytes, availableBytes, limitedBy, processBytes } = figures;
  const isBudget = budgetBytes !== undefined && budgetBytes - processBytes < availableBytes;
  const used = isBudget
    ? { totalBytes: budgetBytes, usedBytes: processBytes }
    : { totalBytes, usedBytes: totalBytes - availableBytes };
  const places = new Map<
    string | undefined,
    { arenaBytes: number; arenaUsedBytes: number; limitBytes: number; measured: DeviceMemory | undefined }
  >([[HOST, { arenaBytes: 0, arenaUsedBytes: 0, limitBytes: 0, measured: undefined }]]);
  for (const arena of arenas) {
    const { totalAllocatedBytes, inUseBytes, limitBytes } = arena.allocatorStats();
    const name = arena.device.onHost ? HOST : arena.device.name;
    const place = places.get(name) ?? {
      arenaBytes: 0,
      arenaUsedBytes: 0,
      limitBytes: 0,
      measured: arena.deviceMemory(),
    };
    places.set(name, {
      ...place,
      arenaBytes: place.arenaBytes + totalAllocatedBytes,
      arenaUsedBytes: place.arenaUsedBytes + inUseBytes,
      limitBytes: place.limitBytes + limitBytes,
    });
  }
  const { arenaBytes, arenaUsedBytes } = places.get(HOST)!;
  const host = {
    ...used,
    share: share(used),
    limitedBy: isBudget ? ("budget" as const) : limitedBy,
    processBytes,
    arenaBytes,
    arenaUsedBytes,
  };
  const devices = [...places].flatMap(([device, { measured, limitBytes, ...own }]) => {
    if (device === HOST) return [];
    const place =
      measured === undefined
        ? { totalBytes: Math.max(limitBytes, own.arenaBytes), usedBytes: own.arenaUsedBytes }
        : { totalBytes: measured.totalBytes, usedBytes: measured.totalBytes - measured.freeBytes };
    return [{ device, ...place, share: share(place), isMeasured: measured !== undefined, ...own }];
  });
  return { host, devices };
}

/** What an arena holds and does not use. */
export function arenaSlack(arena: ArenaSource): number {
  const { totalAllocatedBytes, inUseBytes } = arena.allocatorStats();
  return totalAllocatedBytes - inUseBytes;
}

function share({ usedBytes, totalBytes }: { usedBytes: number; totalBytes: number }): number {
  return totalBytes > 0 ? Math.min(1, Math.max(0, usedBytes / totalBytes)) : 0;
}
