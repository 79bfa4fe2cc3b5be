/**
 * The contents of a lease file: who holds it, and a counter that rises with every heartbeat. The text has a fixed
 * length, so that a heartbeat is one write in place.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { readOomKills, type OomKills } from "../../platform/oom-kills.js";
import { processIdentity, thisProcess } from "../../platform/process-identity.js";

const DIGITS = 12;
/** Of a number of 64 bits. */
const ID_DIGITS = 20;
/** A number of fixed width; empty if it is unknown. */
const counter = z.string().regex(/^ *\d*$/u);

const schema = processIdentity.extend({
  /** When the lease was taken, ISO 8601. For people alone: clocks of hosts differ. */
  since: z.string(),
  /** Tells this lease from every other one. */
  token: z.string(),
  beat: counter,
  oomKillsInGroup: counter,
  /** Which control group that is. */
  oomGroup: counter.default(""),
  oomKillsOnMachine: counter,
});
export type LeaseRecord = z.infer<typeof schema>;

/** A lease of this process. */
export function newLeaseRecord(): LeaseRecord {
  return {
    ...thisProcess(),
    since: new Date().toISOString(),
    token: randomBytes(8).toString("hex"),
    ...countersOf(0, readOomKills()),
  };
}

/** The next heartbeat. */
export function nextBeat(record: LeaseRecord): LeaseRecord {
  return { ...record, ...countersOf(Number(record.beat) + 1, readOomKills()) };
}

function countersOf(
  beat: number,
  { group, groupId, machine }: OomKills,
): Pick<LeaseRecord, "beat" | "oomKillsInGroup" | "oomGroup" | "oomKillsOnMachine"> {
  const text = (value: number | undefined): string => String(value ?? "").padStart(DIGITS);
  return {
    beat: text(beat),
    oomKillsInGroup: text(group),
    oomGroup: (groupId ?? "").padStart(ID_DIGITS),
    oomKillsOnMachine: text(machine),
  };
}

/** Out-of-memory kills that were counted with the last heartbeat. */
export function oomKillsOf({ oomKillsInGroup, oomGroup, oomKillsOnMachine }: LeaseRecord): OomKills {
  const value = (text: string): number | undefined => (text.trim() === "" ? undefined : Number(text));
  const groupId = oomGroup.trim() === "" ? undefined : oomGroup.trim();
  return { group: value(oomKillsInGroup), groupId, machine: value(oomKillsOnMachine) };
}

export function leaseText(record: LeaseRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Undefined for a torn file, or one of another version. */
export function parseLease(text: string): LeaseRecord | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
