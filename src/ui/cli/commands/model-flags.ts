/** Flags that several commands of `model` have. */
import { Option } from "commander";
import { STYLES, type Style } from "../../../config/settings.js";
import { PRECISIONS } from "../../../model/precisions.js";
import { choice, fault, FlagFault } from "../flags/flag-values.js";

/** Found by asking ONNX Runtime 1.29 for each operator. */
const NO_BF16 =
  "bf16 is not offered: ONNX Runtime's CPU provider has no MatMul, Add, Mul or MultiHeadAttention in bfloat16, and ONNX has no Conv in it up to operator set 20, which packages use; fp16 takes as little memory";

/** `--precision`. */
export function precisionFlag(): Option {
  const option = new Option("--precision <name>", "precision of weights and activations");
  option.argChoices = [...PRECISIONS];
  const read = choice("--precision", PRECISIONS);
  return option.argParser((text) => (text === "bf16" ? fault(`--precision: ${NO_BF16}`) : read(text)));
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
    ? fault((read as unknown as FlagFault).fault.message)
    : [...all, read];
}
