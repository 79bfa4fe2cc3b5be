/** A graph of one operator, to see whether an execution provider starts. */
import { GraphBuilder } from "../onnx/graph-builder.js";
import { modelBytes } from "../onnx/model-file.js";
import { add } from "../onnx/ops.js";

/** `y` = `x` + 1, float32 [n], as ONNX bytes. */
export function probeGraph(): Uint8Array {
  const g = new GraphBuilder("probe");
  g.output("y", add(g, g.input("x", "float32", ["n"]), g.float(1)), "float32", ["n"]);
  return modelBytes(g.build());
}
