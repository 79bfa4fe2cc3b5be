/** Scrolls the window while something is dragged near its upper or lower edge. */
import { edgeSpeed } from "./edge-speed.js";

/** Browsers tell of a drag at least this often, also while the pointer rests. */
const SILENCE_MS = 700;

/** To be called when a drag begins; ends by itself with the drag. */
export function scrollAtEdges(): void {
  const end = new AbortController();
  let pointer: { readonly y: number; readonly seenMs: number } | undefined;
  let lastMs = performance.now();
  const step = (nowMs: number): void => {
    if (end.signal.aborted) return;
    const isNear = pointer !== undefined && nowMs - pointer.seenMs < SILENCE_MS;
    const speed = isNear ? edgeSpeed(pointer!.y, innerHeight) : 0;
    if (speed !== 0) scrollBy({ top: speed * (nowMs - lastMs), behavior: "instant" });
    lastMs = nowMs;
    requestAnimationFrame(step);
  };
  const options = { signal: end.signal, capture: true };
  addEventListener("dragover", ({ clientY }) => (pointer = { y: clientY, seenMs: performance.now() }), options);
  for (const last of ["drop", "dragend", "mousedown", "pagehide"] as const)
    addEventListener(last, () => end.abort(), options);
  requestAnimationFrame(step);
}
