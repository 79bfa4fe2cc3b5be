/** Readers of flag values. */
import { InvalidArgumentError } from "commander";

/** A whole number; whether it is in range is for the settings to say. */
export function integer(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError("A whole number is needed, such as 4.");
  return Number(text);
}

/** A number with or without a fraction. */
export function decimal(text: string): number {
  if (!/^\d+(?:\.\d+)?$|^\.\d+$/.test(text))
    throw new InvalidArgumentError("A number of 0 or more is needed, such as 0.15.");
  return Number(text);
}
