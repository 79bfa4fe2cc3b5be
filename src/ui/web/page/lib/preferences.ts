/** Stores preferences and state that outlive a reload in the browser. Works without storage too. */
import { effect, signal, type Signal } from "@preact/signals";

const PREFIX = "cobra-batch:";

/** The stored value, or the fallback where there is none or storage is forbidden. */
export function stored<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Stores a value; without storage it lasts until the page is closed. */
export function store(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: nothing else depends on it.
  }
}

/** A signal that outlives a reload. */
export function preference<T>(key: string, fallback: T): Signal<T> {
  const value = signal(stored(key, fallback));
  let first = true;
  effect(() => {
    const now = value.value;
    if (first) first = false;
    else store(key, now);
  });
  return value;
}
