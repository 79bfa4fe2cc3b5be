/** Follows the server's events. The browser reconnects and asks for what it missed; where it gives up, this does. */
import { signal } from "@preact/signals";
import type { ServerEvent } from "../../api/schemas.js";
import { api, API } from "../lib/api.js";
import { hasFarm, putFarm, takeFarm } from "./farm.js";
import { dropJob, knownPicturesOf, putJob, readAll } from "./store.js";

/** Whether events arrive. */
export const connection = signal<"connecting" | "open" | "lost">("connecting");

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** So long a page stays connected that nobody sees. */
const UNSEEN_MS = 3000;
const TYPES: readonly ServerEvent["type"][] = ["job", "job-removed", "picture", "pictures", "farm", "reset"];

function apply(event: ServerEvent): void {
  if (event.type === "job") putJob(event.job);
  else if (event.type === "job-removed") dropJob(event.id);
  else if (event.type === "picture") knownPicturesOf(event.job)?.put([event.picture]);
  else if (event.type === "farm") putFarm(event.farm);
  else if (event.type === "pictures") void knownPicturesOf(event.job)?.load();
  else void readEverything();
}

/** Reads again whatever the page holds; the farm's state comes with its own call. */
async function readEverything(): Promise<void> {
  await readAll();
  // A farm that cannot be read now is told by its next event.
  if (hasFarm.peek()) await takeFarm(api.farm()).catch(() => {});
}

/**
 * Opens the stream and keeps it open while people see the page. A browser has six connections to a server for all its
 * tabs together: those that nobody looks at let go of theirs, and read everything again when somebody does.
 */
export function startEvents(): void {
  let waitMs = FIRST_WAIT_MS;
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let leaving: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    clearTimeout(retry);
    const stream = new EventSource(`${API}/events`);
    source = stream;
    let fresh = true; // a stream that the browser itself opened again goes on where it was cut
    stream.addEventListener("open", () => {
      connection.value = "open";
      waitMs = FIRST_WAIT_MS;
      if (fresh) void readEverything();
      fresh = false;
    });
    const onEvent = (message: MessageEvent<string>): void => apply(JSON.parse(message.data) as ServerEvent);
    stream.addEventListener("message", onEvent);
    for (const type of TYPES) stream.addEventListener(type, onEvent);
    stream.addEventListener("error", () => {
      connection.value = "lost";
      if (stream.readyState !== EventSource.CLOSED || source !== stream) return;
      source = undefined;
      retry = setTimeout(open, waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    });
  };
  const leave = (): void => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  const onSeen = (): void => {
    clearTimeout(leaving);
    if (document.visibilityState === "hidden") leaving = setTimeout(leave, UNSEEN_MS);
    else if (source === undefined) open();
  };
  document.addEventListener("visibilitychange", onSeen);
  open();
  onSeen(); // a tab may be opened behind others
}
