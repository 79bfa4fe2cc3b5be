/** Faults: what is wrong with a value, before all that were found become one error. */
import { withRemedy } from "./facts.js";

/** The value and the rule it breaks, and what to do about it where that is not plain from the rule. */
export interface Fault {
  readonly message: string;
  readonly remedy?: string;
}

/** The same fault, with words before its message, such as the place where it is. */
export function faultAt(place: string, fault: Fault): Fault {
  return { ...fault, message: `${place}${fault.message}` };
}

/** A fault as one text for a terminal. */
export function faultText({ message, remedy }: Fault): string {
  return withRemedy(message, remedy);
}

/** What to do about several faults: each remedy once. Undefined where no fault has one. */
export function remedyOf(faults: readonly Fault[]): string | undefined {
  const remedies = new Set(faults.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy])));
  return remedies.size === 0 ? undefined : [...remedies].join("; ");
}
