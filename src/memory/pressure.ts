/**
 * The decisions about memory, as pure functions over counters: how many pages run at once, which may start, what to do
 * when memory runs out.
 */

/** What the number of pages in flight is decided from. */
interface FlightCounters {
  /** Cores that work on pages. */
  readonly cores: number;
  /** Memory that may still be taken. */
  readonly freeBytes: number;
  /** Taken once, however many pages there are: the networks' activations. */
  readonly sharedBytes: number;
  /** Taken by each page in flight. */
  readonly pageBytes: number;
  /** Pages that bring something at once. Default: as many as the cores work on. */
  readonly usefulPages?: number | undefined;
}

/**
 * Runs of the networks follow one another on their device, so pages in flight gain only what a page's CPU work takes:
 * one is in the networks, one before or after them, and a third keeps the networks busy where there are cores for it.
 */
export const MAX_PAGES_IN_FLIGHT = 3;

/**
 * On a device of its own a page leaves the cores free, so that their number does not matter: one page is on the device,
 * two are on their way there, one is inked, and two wait for whichever is late, as where all workers are busy with ink.
 */
export const PAGES_ON_DEVICE = 6;

/** Pages that bring something at once where the networks run on the cores. */
export function pagesOnCores(cores: number): number {
  return Math.max(2, Math.min(MAX_PAGES_IN_FLIGHT, cores));
}

/** Pages in flight where nobody has named a number: as many as bring something and fit, at least one. */
export function pagesInFlight({ cores, freeBytes, sharedBytes, pageBytes, usefulPages }: FlightCounters): number {
  const fitting = Math.floor((freeBytes - sharedBytes) / Math.max(1, pageBytes));
  return Math.max(1, Math.min(usefulPages ?? pagesOnCores(cores), fitting));
}

/** Pictures of pages, decoded and coloured, may take this much together where memory is plenty: 85 megapixels. */
export const PICTURES_BYTES = 2 ** 29;

/** What pictures in memory may take together: a quarter of what may be taken at all, at most `PICTURES_BYTES`. */
export function picturesBudget(freeBytes: number): number {
  return Math.min(PICTURES_BYTES, freeBytes / 4);
}

interface AdmissionCounters {
  readonly inFlight: number;
  /** Pages that may be in flight; lowered when memory runs out. */
  readonly limit: number;
  readonly freeBytes: number;
  /** What the page would take. */
  readonly neededBytes: number;
}

/** Whether a page may begin. One always may: a page that does not fit alone fails with an error of its own. */
export function mayBegin({ inFlight, limit, freeBytes, neededBytes }: AdmissionCounters): boolean {
  return inFlight === 0 || (inFlight < limit && neededBytes <= freeBytes);
}

/** What can be done about memory that has run out, mildest first. */
const PRESSURE_STEPS = ["drop-caches", "shrink-arenas", "halve-pages", "fail"] as const;
/** A step against memory that has run out. */
export type PressureStep = (typeof PRESSURE_STEPS)[number];

interface PressureCounters {
  /** Held by caches and lent to nobody. */
  readonly droppableBytes: number;
  /** Held by arenas and used by nothing. */
  readonly arenaSlackBytes: number;
  readonly inFlight: number;
  /** Steps that were taken already for this allocation. */
  readonly taken: readonly PressureStep[];
}

/** Slack below this is not worth a step. */
const WORTHWHILE_BYTES = 2 ** 20;

/** The next step. Caches and arenas once each; pages are halved until the page is alone. */
export function nextStep({ droppableBytes, arenaSlackBytes, inFlight, taken }: PressureCounters): PressureStep {
  if (droppableBytes > 0 && !taken.includes("drop-caches")) return "drop-caches";
  if (arenaSlackBytes >= WORTHWHILE_BYTES && !taken.includes("shrink-arenas")) return "shrink-arenas";
  return inFlight > 1 ? "halve-pages" : "fail";
}

/** What can be done about memory of a device that has run out, mildest first. */
export type DeviceStep = "drop-caches" | "shrink-arenas" | "halve-batch" | "rebuild-sessions";

interface DeviceCounters {
  /** Held by caches and lent to nobody. */
  readonly droppableBytes: number;
  /** Held by arenas and used by nothing. */
  readonly arenaSlackBytes: number;
  /** Pages in the run that failed. */
  readonly batch: number;
  /** Steps that were taken already for this run. */
  readonly taken: readonly DeviceStep[];
}

/**
 * The next step for a run that failed; undefined when nothing is left. Each once but the halving, which goes on until
 * pages run alone.
 */
export function nextDeviceStep({
  droppableBytes,
  arenaSlackBytes,
  batch,
  taken,
}: DeviceCounters): DeviceStep | undefined {
  if (droppableBytes > 0 && !taken.includes("drop-caches")) return "drop-caches";
  if (arenaSlackBytes >= WORTHWHILE_BYTES && !taken.includes("shrink-arenas")) return "shrink-arenas";
  if (batch > 1) return "halve-batch";
  return taken.includes("rebuild-sessions") ? undefined : "rebuild-sessions";
}

/** Half the pages that are in flight, at least one. */
export function halvedLimit(inFlight: number): number {
  return Math.max(1, Math.floor(inFlight / 2));
}

/** After this many pages in a row without a shortage, one more page may be in flight. */
export const PAGES_BEFORE_GROWTH = 8;
