/** Reads an ONNX graph of a model package. */
import { readFileSync } from "node:fs";
import { BatchProcessingError, messageOf, ModelError } from "../errors.js";
import { isError } from "../errors/facts.js";
import { decodeModelProto, type ModelProto } from "../onnx/schema.js";

/**
 * @throws ModelError `ERR_MODEL_FILE` for a file that is missing or no ONNX graph; `ERR_STATE` where the process may
 * not make code
 */
export function readGraph(path: string): ModelProto {
  try {
    return decodeModelProto(readFileSync(path));
  } catch (cause) {
    if (isError(cause) && cause.name === "EvalError")
      throw new BatchProcessingError(
        "ERR_STATE",
        `${path} cannot be read in this process: the reader of ONNX graphs makes code from text, which is forbidden here (${cause.message})`,
        { cause, remedy: "start Node without --disallow-code-generation-from-strings" },
      );
    throw new ModelError("ERR_MODEL_FILE", `${path} is not an ONNX graph that can be read (${messageOf(cause)})`, {
      cause,
      remedy: "get the package again or build it again",
    });
  }
}
