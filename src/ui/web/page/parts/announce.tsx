/** Announces progress to screen readers: one polite region for the page, filled at most every few seconds. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";

const APART_MS = 4000;
const text = signal("");
let last = -APART_MS;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Says a sentence soon; of several close together the last one. */
export function announce(sentence: string): void {
  clearTimeout(timer);
  const wait = Math.max(50, last + APART_MS - performance.now());
  timer = setTimeout(() => {
    last = performance.now();
    text.value = sentence;
  }, wait);
}

/** The region. */
export function Announcer(): JSX.Element {
  return (
    <div class="sr-only" role="status" aria-live="polite">
      {text}
    </div>
  );
}
