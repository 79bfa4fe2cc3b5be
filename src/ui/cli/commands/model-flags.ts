/** Flags that several commands of `model` have. */
import { Option } from "commander";
import { STYLES, type Style } from "../../../config/settings.js";
import { PRECISIONS } from "../../../model/precisions.js";
import { choice, fault, FlagFault } from "../flags/flag-values.js";

/** `--precision`. */
export function precisionFlag(): Option {
  const option = new Option("--precision <name>", "precision of weights and activations");
  option.argChoices = [...PRECISIONS];
  return option.argParser(choice("--precision", PRECISIONS));
}

/** `--style`, which may be repeated. */
export function styleFlag(what: string): Option {
  return new Option("--style <name>", `${what}, "line" or "line + shadow"; may be repeated (default: both)`).argParser(
    styles,
  );
}

function styles(name: string, all: readonly Style[] = []): Style[] {
  const read = choice("--style", STYLES)(name) as Style | FlagFault;
  return read instanceof FlagFault || all instanceof FlagFault
    ? fault((read as unknown as FlagFault).text)
    : [...all, read];
}
