/** The precisions of packages, as they are typed. */
export const PRECISIONS = ["fp16", "fp32"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** The same as a manifest says it. */
export function elementType(precision: Precision): "float16" | "float32" {
  return precision === "fp16" ? "float16" : "float32";
}
