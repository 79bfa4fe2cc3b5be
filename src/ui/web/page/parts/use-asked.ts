/** The value of a control that is changed on the server: what was asked for is shown until the answer comes. */
import { useSignal } from "@preact/signals";

/**
 * Gives what a control shows, and the function that asks for another value. Of several under way the last is shown;
 * when its answer has been taken, or the request has failed, it is `value` again.
 *
 * @param value - What the server holds.
 * @param ask - Asks for a value; resolves when the answer is taken or the failure is shown.
 */
export function useAsked<T>(value: T, ask: (wanted: T) => Promise<unknown>): readonly [T, (wanted: T) => void] {
  const asked = useSignal<{ readonly wanted: T } | undefined>(undefined);
  const change = (wanted: T): void => {
    const mine = { wanted };
    asked.value = mine;
    void ask(wanted).finally(() => {
      if (asked.peek() === mine) asked.value = undefined;
    });
  };
  return [asked.value ? asked.value.wanted : value, change];
}
