/** Follows the server's events. The browser reconnects and asks for what it missed; where it gives up, this does. */
import { signal } from "@preact/signals";
import type { ServerEvent } from "../../api/schemas.js";
import { API } from "../lib/api.js";
import { dropJob, knownPicturesOf, putJob, readAll } from "./store.js";

/** Whether events arrive. */
export const connection = signal<"connecting" | "open" | "lost">("connecting");

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const TYPES: readonly ServerEvent["type"][] = ["job", "job-removed", "picture", "pictures", "reset"];

function apply(event: ServerEvent): void {
  if (event.type === "job") putJob(event.job);
  else if (event.type === "job-removed") dropJob(event.id);
  else if (event.type === "picture") knownPicturesOf(event.job)?.put([event.picture]);
  else if (event.type === "pictures") void knownPicturesOf(event.job)?.load();
  else void readAll();
}

/** Opens the stream and keeps it open. */
export function startEvents(): void {
  let waitMs = FIRST_WAIT_MS;
  const open = (): void => {
    const source = new EventSource(`${API}/events`);
    let fresh = true; // a stream that the browser itself opened again goes on where it was cut
    source.addEventListener("open", () => {
      connection.value = "open";
      waitMs = FIRST_WAIT_MS;
      if (fresh) void readAll();
      fresh = false;
    });
    const onEvent = (message: MessageEvent<string>): void => apply(JSON.parse(message.data) as ServerEvent);
    source.addEventListener("message", onEvent);
    for (const type of TYPES) source.addEventListener(type, onEvent);
    source.addEventListener("error", () => {
      connection.value = "lost";
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    });
  };
  open();
}
