/** A graph of one operator, to see whether an execution provider starts. */
import { GraphBuilder } from "./builder/graph-builder.js";
import { modelBytes } from "./builder/model-file.js";
import { add } from "./builder/ops.js";

/** `y` = `x` + 1, float32 [n], as ONNX bytes. */
export function probeGraph(): Uint8Array {
  const g = new GraphBuilder("probe");
  g.output("y", add(g, g.input("x", "float32", ["n"]), g.float(1)), "float32", ["n"]);
  return modelBytes(g.build());
}
