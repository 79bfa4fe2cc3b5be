/** States of a batch processor, and the actions that each allows. */

/**
 * `idle` → `running` ⇄ `paused` → `completed`; `held` is paused before the start. `draining` finishes the pages in
 * flight, `cancelling` abandons them; `cancelled`, `closed` and `failed` are the ends of a batch that did not do all
 * pages.
 */
export type ProcessorState =
  | "idle"
  | "held"
  | "running"
  | "paused"
  | "draining"
  | "cancelling"
  | "completed"
  | "cancelled"
  | "closed"
  | "failed";
export type ProcessorAction = "start" | "pause" | "resume" | "close" | "cancel" | "complete" | "fail";

const TABLE: Readonly<Record<ProcessorState, Partial<Record<ProcessorAction, ProcessorState>>>> = {
  idle: { start: "running", pause: "held", close: "closed", cancel: "cancelled" },
  held: { start: "paused", resume: "idle", close: "closed", cancel: "cancelled" },
  running: { pause: "paused", close: "draining", cancel: "cancelling", complete: "completed", fail: "failed" },
  paused: { resume: "running", close: "draining", cancel: "cancelling", complete: "completed", fail: "failed" },
  draining: { cancel: "cancelling", complete: "closed", fail: "failed" },
  cancelling: { complete: "cancelled", fail: "cancelled" },
  completed: {},
  cancelled: {},
  closed: {},
  failed: {},
};

/**
 * The state after an action; the same state if the action changes nothing. Only `start` can be impossible: then
 * undefined.
 */
export function nextState(state: ProcessorState, action: ProcessorAction): ProcessorState | undefined {
  return TABLE[state][action] ?? (action === "start" ? undefined : state);
}

/** Whether a page that waits may be begun, must wait on, or is left. */
export function admission(state: ProcessorState): "begin" | "wait" | "leave" {
  if (state === "running") return "begin";
  return state === "paused" ? "wait" : "leave";
}
