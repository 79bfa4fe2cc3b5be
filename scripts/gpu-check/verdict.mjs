// Verdicts of a step that does not pass.

/** There is nothing here to be checked. */
export class Skip extends Error {
  name = "Skip";
}

/** @throws Error where a figure is above what it may be */
export function atMost(figure, value, most) {
  if (!(value <= most)) throw new Error(`${figure} is ${value}, but may be ${most} at most`);
}
