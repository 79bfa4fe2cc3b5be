/** Reads an ONNX graph of a model package. */
import { readFileSync } from "node:fs";
import { messageOf, ModelError } from "../errors.js";
import { decodeModelProto, type ModelProto } from "../onnx/schema.js";

/** @throws ModelError `ERR_MODEL_FILE` for a file that is missing or no ONNX graph */
export function readGraph(path: string): ModelProto {
  try {
    return decodeModelProto(readFileSync(path));
  } catch (cause) {
    throw new ModelError("ERR_MODEL_FILE", `${path} is not an ONNX graph that can be read (${messageOf(cause)})`, {
      cause,
      remedy: "get the package again or build it again",
    });
  }
}
